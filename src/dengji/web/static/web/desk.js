// Keys in the queue: j next, k previous, Enter opens, x ticks. Without a script the list is worked by Tab as any other.
(() => {
  "use strict";
  const table = document.querySelector("[data-desk-queue]");
  if (!table) return;
  const rows = [...table.querySelectorAll("tbody tr")];
  const hint = document.querySelector("[data-desk-keys]");
  if (hint) hint.hidden = false;
  let at = -1;
  const go = (to) => {
    if (!rows.length) return;
    at = Math.max(0, Math.min(rows.length - 1, to));
    rows.forEach((row, i) => (i === at ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current")));
    rows[at].querySelector(".desk-open").focus();
    rows[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "j") go(at + 1);
    else if (event.key === "k") go(at < 0 ? 0 : at - 1);
    else if (event.key === "x" && at >= 0) rows[at].querySelector("input[type=checkbox]")?.click();
    else return;
    event.preventDefault();
  });
})();

// Helps only: counters, a search in the industries, the whole nation alone, files dropped. Every page works without it.
"use strict";
(() => {
  const words = document.getElementById("workspace-words").dataset;
  const length = (text) => Array.from(text.trim()).length;

  for (const field of document.querySelectorAll("[data-limit]")) {
    const limit = Number(field.dataset.limit);
    const shown = document.createElement("p");
    shown.className = "form-text counter";
    const count = () => {
      const now = length(field.value);
      shown.textContent = (now > limit ? words.over : words.of).replace("#1", now).replace("#2", limit).replace("#3", now - limit);
      shown.classList.toggle("text-danger", now > limit);
    };
    field.after(shown);
    field.addEventListener("input", count);
    count();
  }

  for (const tree of document.querySelectorAll("[data-filter]")) {
    const box = document.createElement("input");
    box.type = "search";
    box.className = "form-control mb-2";
    box.setAttribute("aria-label", words.find);
    box.placeholder = words.find;
    const started = new Map([...tree.querySelectorAll("details")].map((group) => [group, group.open]));
    box.addEventListener("input", (event) => {
      event.stopPropagation();
      const text = box.value.trim().toLowerCase();
      for (const [group, open] of started) {
        let hits = 0;
        for (const row of group.querySelectorAll(".form-check")) {
          const hit = row.textContent.toLowerCase().includes(text) || row.querySelector("input").checked;
          row.hidden = Boolean(text) && !hit;
          hits += hit ? 1 : 0;
        }
        group.hidden = Boolean(text) && hits === 0;
        group.open = text ? hits > 0 : open;
      }
    });
    box.addEventListener("change", (event) => event.stopPropagation());
    box.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    tree.prepend(box);
  }

  for (const tree of document.querySelectorAll(".regions")) {
    tree.addEventListener("change", (event) => {
      const one = event.target;
      if (one.type !== "checkbox" || !one.checked) return;
      const alone = "alone" in one.dataset;
      for (const other of tree.querySelectorAll("input[type=checkbox]")) {
        if (other !== one && (alone || "alone" in other.dataset)) other.checked = false;
      }
    });
  }

  for (const form of document.querySelectorAll("form[data-drop]")) {
    const file = form.querySelector("input[type=file]");
    const hint = document.createElement("p");
    hint.className = "form-text";
    hint.textContent = words.drop;
    form.append(hint);
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      file.files = event.dataTransfer.files;
      form.requestSubmit();
    });
  }
})();

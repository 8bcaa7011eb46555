// Suggestions while typing; without this the form works all the same.
"use strict";
for (const box of document.querySelectorAll("input[data-suggest]")) {
  const list = box.list;
  let waiting = 0, asked = "", stop = new AbortController();
  const suggest = async () => {
    const typed = box.value.trim();
    if (typed === asked) return;
    asked = typed;
    stop.abort();
    stop = new AbortController();
    if (typed.length < 2) { list.replaceChildren(); return; }
    try {
      const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(typed)}`, { signal: stop.signal });
      if (!answer.ok) return;
      const { items } = await answer.json();
      list.replaceChildren(...items.map(({ text }) => Object.assign(document.createElement("option"), { value: text })));
    } catch { /* a later letter was typed, or the network is away: no suggestions */ }
  };
  box.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (event.isComposing) return; // pinyin that is not yet Chinese
    waiting = setTimeout(suggest, 180);
  });
  box.addEventListener("compositionend", () => { clearTimeout(waiting); waiting = setTimeout(suggest, 60); });
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = button.dataset.done;
    } catch { getSelection().selectAllChildren(source); }
  });
}

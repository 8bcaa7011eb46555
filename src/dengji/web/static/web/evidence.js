// The page of the evidence deposit: hands chosen files to the worker, shows progress, figures and the manifest.
"use strict";

(() => {
  const root = document.getElementById("evidence");
  if (!root || !window.Worker) return;
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const [form, files, folder, chosen, start, cancel, status, bar, result, link] =
    ["form", "files", "folder", "chosen", "start", "cancel", "status", "bar", "result", "link"].map(find);
  const words = root.dataset;
  let worker = null;
  let address = "";

  const say = (key, values = {}) => {
    status.textContent = words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };
  const megabytes = (bytes) => (bytes / 1048576).toFixed(1);

  function selection() {
    const one = (file) => ({ name: file.webkitRelativePath || file.name, file });
    return [...files.files, ...folder.files].map(one);
  }

  function working(on) {
    for (const part of form.elements) part.disabled = on;
    cancel.hidden = bar.hidden = !on;
    root.setAttribute("aria-busy", String(on));
  }

  function stop() {
    if (worker) worker.terminate();
    worker = null;
    working(false);
  }

  function forget() {
    result.hidden = true;
    if (address) URL.revokeObjectURL(address);
    address = "";
  }

  function finish({ deposit, blob }) {
    for (const place of result.querySelectorAll("[data-figure]")) {
      const name = place.dataset.figure;
      place.textContent = name === "evidence_method" ? words.method : deposit[name];
    }
    address = URL.createObjectURL(blob);
    link.href = address;
    link.download = `evidence-${deposit.evidence_digest.slice(0, 12)}.jsonl`;
    result.hidden = false;
    say("done");
    result.querySelector("h2").focus();
  }

  function hear({ data }) {
    if (data.kind === "progress") {
      bar.max = data.total;
      bar.value = data.done;
      say("progress", { done: megabytes(data.done), total: megabytes(data.total) });
      return;
    }
    stop();
    if (data.kind === "done") finish(data);
    else say(`refused${data.code[0].toUpperCase()}${data.code.slice(1)}`, data);
  }

  function count() {
    forget();
    const all = selection();
    const size = all.reduce((sum, one) => sum + one.file.size, 0);
    chosen.textContent = words.chosen.replace("{count}", all.length).replace("{size}", megabytes(size));
    start.disabled = !all.length;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    forget();
    const order = {
      files: selection(),
      algorithm: form.elements.algorithm.value,
      chunkSize: Number(words.chunkSize),
      tool: words.tool,
    };
    worker = new Worker(words.worker);
    worker.onmessage = hear;
    worker.onerror = () => {
      stop();
      say("refusedFailed");
    };
    working(true);
    bar.value = 0;
    say("progress", { done: "0.0", total: megabytes(order.files.reduce((sum, one) => sum + one.file.size, 0)) });
    cancel.focus();
    worker.postMessage(order);
  });

  cancel.addEventListener("click", () => {
    stop();
    say("cancelled");
    start.focus();
  });

  root.querySelector('[data-part="copy"]').addEventListener("click", async (event) => {
    const figures = {};
    for (const place of result.querySelectorAll("[data-figure]")) {
      figures[place.dataset.label] = place.textContent;
    }
    const text = Object.entries(figures).map(([label, value]) => `${label}\t${value}`).join("\n");
    try {
      await navigator.clipboard.writeText(text);
      say("copied");
    } catch (error) {
      // Without https there is no clipboard: mark the figures, so that Ctrl+C takes them.
      getSelection().selectAllChildren(result.querySelector("tbody"));
      say("marked");
    }
  });

  files.addEventListener("change", count);
  folder.addEventListener("change", count);
  count();
  root.querySelector('[data-part="works"]').hidden = false;
})();

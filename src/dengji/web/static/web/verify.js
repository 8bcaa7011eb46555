// /verify: reads a QR code out of a picture here in the browser and asks about what it says; the picture is never sent.
"use strict";

(() => {
  const root = document.getElementById("scan");
  const field = document.getElementById("id_code");
  if (!root || !field || !window.createImageBitmap) return;
  const chosen = root.querySelector("input[type=file]");
  const status = root.querySelector("[role=status]");
  // A code fills little of a photograph: the whole is tried small, then large.
  const SIDES = [800, 1600, 2400];

  const loaded = () =>
    new Promise((done, failed) => {
      if (window.jsQR) return done();
      const script = document.createElement("script");
      script.src = root.dataset.reader;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });

  function pixels(picture, side) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  async function read(file) {
    status.textContent = root.dataset.reading;
    try {
      await loaded();
      const picture = await createImageBitmap(file);
      for (const side of SIDES) {
        const { data, width, height } = pixels(picture, side);
        const found = window.jsQR(data, width, height, { inversionAttempts: "attemptBoth" });
        if (found && found.data) {
          field.value = found.data;
          field.form.submit();
          return;
        }
      }
      status.textContent = root.dataset.none;
    } catch (_error) {
      status.textContent = root.dataset.unreadable;
    }
  }

  chosen.addEventListener("change", () => {
    if (chosen.files.length) read(chosen.files[0]);
  });
  root.hidden = false;
})();

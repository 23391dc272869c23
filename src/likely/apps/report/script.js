(() => {
  "use strict";
  const tip = document.getElementById("tip");
  const show = (target) => {
    tip.textContent = target.dataset.t;
    tip.hidden = false;
    const at = target.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left + at.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const above = at.top - own.height - 8;
    tip.style.left = left + "px";
    tip.style.top = (above < 8 ? at.bottom + 8 : above) + "px";
  };
  const on = (event) => {
    const target = event.target.closest ? event.target.closest("[data-t]") : null;
    if (target) show(target); else tip.hidden = true;
  };
  document.addEventListener("pointerover", on);
  document.addEventListener("pointerdown", on);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
})();

// Charts: the nearest point tells its values, by pointer, touch and arrow keys.
let telling = null;
const tellPoint = (point) => {
  telling = point.ownerSVGElement;
  showTip(point, (box) => put(box, "p", point.dataset.t));
};
for (const chart of document.querySelectorAll("svg.chart")) {
  const points = [...chart.querySelectorAll(".hit")];
  if (!points.length) continue;
  let current = -1;
  const nearest = (event) => {
    let best = -1, least = 60 * 60;
    points.forEach((point, number) => {
      const at = point.getBoundingClientRect();
      const across = at.left + at.width / 2 - event.clientX, up = at.top + at.height / 2 - event.clientY;
      const distance = 4 * across * across + up * up;
      if (distance < least) [best, least] = [number, distance];
    });
    if (best >= 0) tellPoint(points[current = best]);
    else hideTip();
  };
  chart.addEventListener("pointermove", nearest);
  chart.addEventListener("pointerdown", nearest);
  chart.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideTip(); });
  chart.tabIndex = 0;
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    current = Math.min(Math.max(current + step, 0), points.length - 1);
    tellPoint(points[current]);
  });
  // A touch of another chart takes the focus away after it has told its point.
  chart.addEventListener("blur", () => { if (telling === chart) hideTip(); });
}

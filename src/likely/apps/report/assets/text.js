// Coloured text: what the model thought of each piece, by pointer, touch and arrow keys.
const readings = JSON.parse(document.getElementById("readings").textContent);
const texts = [...document.querySelectorAll("pre.text[data-reading]")];
const piecesOf = new Map(texts.map((text) => [text, [...text.querySelectorAll("i")]]));
const placeOf = new WeakMap();
for (const pieces of piecesOf.values()) pieces.forEach((piece, place) => placeOf.set(piece, place));

const ending = (n) => n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
const placed = (rank) => rank ? `${rank + 1}${ending(rank + 1)} likeliest` : "likeliest";
const percent = (chance) => chance >= 0.0995 ? (100 * chance).toFixed(0) + " %" : (100 * chance).toFixed(1) + " %";
const seen = (piece) => {
  const text = piece.textContent;
  const signs = { " ": "␣", "\n": "⏎", "\t": "⇥" };
  return [...text].map((sign) => signs[sign] || sign).join("");
};

const tellPiece = (box, piece, reading, row) => {
  const [bits, entropy, rank, instead, parts] = row;
  put(box, "b", seen(piece));
  put(box, "span", ` ${bits.toFixed(2)} bits · ${percent(2 ** -bits)}`);
  put(box, "p", `${placed(rank)} · entropy ${entropy.toFixed(2)} bits`);
  if (parts) {
    const words = [];
    for (let i = 0; i < parts.length; i += 2) words.push(`${reading.words[parts[i]]} ${parts[i + 1].toFixed(2)}`);
    put(box, "p", `${words.length} tokens, in bits: ${words.join(", ")}`);
  }
  const list = put(box, "ul");
  for (let i = 0; i < instead.length; i += 2) {
    const line = put(list, "li");
    put(line, "code", reading.words[instead[i]]);
    put(put(line, "span", undefined, "chance"), "span").style.width = 100 * instead[i + 1] + "%";
    put(line, "small", percent(instead[i + 1]));
  }
};

const tellDifference = (box, piece, reading, row) => {
  const apart = row[0] - row[1];
  put(box, "b", seen(piece));
  put(box, "p", `${reading.first}  ${row[0].toFixed(2)} bits\n${reading.second}  ${row[1].toFixed(2)} bits`);
  const better = apart < 0 ? reading.first : reading.second;
  put(box, "p", Math.abs(apart) < 0.005 ? "no difference" : `${better} needs ${Math.abs(apart).toFixed(2)} bits less`);
};

const tellText = (piece) => {
  const text = piece.closest("pre.text");
  const reading = readings[text.dataset.reading];
  const row = reading.rows[placeOf.get(piece)];
  showTip(piece, (box) => (reading.first ? tellDifference : tellPiece)(box, piece, reading, row));
  text.dataset.place = placeOf.get(piece);
};

let rested = "";
const where = (event) => `${event.clientX},${event.clientY}`;
document.addEventListener("pointermove", (event) => { rested = where(event); });
const pointed = (event) => {
  // A page that scrolls moves other pieces under a pointer that rests; nobody pointed at those.
  if (event.type === "pointerover" && where(event) === rested) return;
  const piece = event.target.closest ? event.target.closest("pre.text[data-reading] i") : null;
  if (piece) tellText(piece);
  else if (!event.target.closest || !event.target.closest("svg.chart")) hideTip();
};
document.addEventListener("pointerover", pointed);
document.addEventListener("pointerdown", pointed);

const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 40, ArrowUp: -40, Home: -Infinity, End: Infinity };
for (const [text, pieces] of piecesOf) {
  text.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey || !pieces.length) return;
    event.preventDefault();
    const before = text.dataset.place === undefined ? -1 : Number(text.dataset.place);
    const next = Math.min(Math.max(before + steps[event.key], 0), pieces.length - 1);
    quietUntil = performance.now() + 300;
    pieces[next].scrollIntoView({ block: "nearest", behavior: "instant" });
    tellText(pieces[next]);
  });
  text.addEventListener("blur", hideTip);
}

// Links to a place in a text: its panel is opened, and the place tells what it is.
for (const link of document.querySelectorAll("a[data-reading]")) {
  link.addEventListener("click", (event) => {
    const text = texts.find((one) => one.dataset.reading === link.dataset.reading);
    if (!text) return;
    event.preventDefault();
    const tab = document.getElementById(text.dataset.tab);
    if (tab) tab.checked = true;
    const piece = piecesOf.get(text)[link.dataset.place];
    quietUntil = performance.now() + 300;
    piece.scrollIntoView({ block: "center", behavior: "instant" });
    text.focus({ preventScroll: true });
    tellText(piece);
  });
}

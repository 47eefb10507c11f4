"use strict";
(() => {
  const source = document.getElementById("tallies");
  const panel = document.getElementById("threshold");
  if (!source || !panel) return;
  const data = JSON.parse(source.textContent);
  const range = document.getElementById("threshold-range");
  const choice = document.getElementById("threshold-model");
  const back = document.getElementById("threshold-back");
  const shown = document.getElementById("threshold-value");
  const said = document.getElementById("threshold-said");
  const odds = document.getElementById("threshold-odds");
  const body = document.getElementById("threshold-table").tBodies;
  const rows = [...body].flatMap((b) => [...b.rows]).filter((r) => r.cells.length > 1);
  const NB = "\u00a0", NONE = "\u2013";

  const round = (x, places = 0) => Math.floor(x * 10 ** places + 0.5 + 1e-9) / 10 ** places;
  const number = (x, places = 0) =>
    round(x, places).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  const percent = (x, places = 0) => number(100 * x, places) + NB + "%";

  function wilson(k, n) {
    const z2 = data.z * data.z, p = k / n;
    const centre = p + z2 / (2 * n);
    const half = data.z * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
    const low = (centre - half) / (1 + z2 / n), high = (centre + half) / (1 + z2 / n);
    return [k === 0 ? 0 : low, k === n ? 1 : high];
  }

  function rate(k, n, why) {
    if (n === 0) return [NONE, why, ""];
    const [low, high] = wilson(k, n);
    return [percent(k / n), `[${number(100 * low)}\u2013${number(100 * high)}]`, k / n];
  }

  function per(k, n) {
    if (n === 0) return [NONE, "nobody in this group", ""];
    return [number((data.per * k) / n), `${number(k)} of ${number(n)}`, k / n];
  }

  // Found and missed add up to those who have it, after rounding.
  const rest = (cell, ill, found, n) =>
    n === 0 ? cell : [number(round((data.per * ill) / n) - round((data.per * found) / n)), cell[1], cell[2]];

  function cells(g, i) {
    if (!g) return Array.from({ length: 8 }, () => [NONE, "not scored by this model", ""]);
    if (g.withheld) return Array.from({ length: 8 }, () => ["withheld", "", ""]);
    const n = g.events + g.nonevents, tp = g.tp[i], fp = g.fp[i];
    return [
      [number(n), "", n],
      per(g.events, n),
      per(tp, n),
      rest(per(g.events - tp, n), g.events, tp, n),
      per(fp, n),
      rate(tp, g.events, "nobody has it"),
      rate(g.nonevents - fp, g.nonevents, "everybody has it"),
      rate(tp, tp + fp, "nobody is selected"),
    ];
  }

  function write(cell, [text, note, value]) {
    cell.replaceChildren(document.createTextNode(text));
    cell.dataset.value = value;
    if (note) {
      const small = document.createElement("small");
      small.textContent = note;
      cell.append(" ", small);
    }
  }

  const written = (model, t) => {
    if (model.scale === "points") return String(Number(t.toPrecision(6)));
    return percent(t, Math.abs(100 * t - Math.round(100 * t)) < 0.005 ? 0 : 1);
  };

  function price(model, t) {
    if (model.scale === "points" || t <= 0 || t >= 1) return "";
    const o = (1 - t) / t;
    const tell = (x) => number(x, x >= 10 || Math.abs(x - Math.round(x)) < 0.05 ? 0 : 1);
    if (Math.abs(o - 1) < 0.05) return "Here one miss is taken to be as bad as one false alarm.";
    if (o > 1) return `Here one miss is taken to be as bad as ${tell(o)} false alarms.`;
    return `Here one miss is taken to be less bad than one false alarm: ${tell(1 / o)} misses weigh as much.`;
  }

  const current = () => data.models[choice ? Number(choice.value) : 0];
  let later = 0;

  function draw() {
    const model = current(), i = Number(range.value), t = model.t[i];
    const groups = new Map(model.groups.map((g) => [g.attribute + "\u0000" + g.group, g]));
    const order = data.models[0].groups;
    rows.forEach((row, at) => {
      const key = order[at].attribute + "\u0000" + order[at].group;
      cells(groups.get(key), i).forEach((value, k) => write(row.cells[k + 1], value));
    });
    shown.textContent = written(model, t);
    range.setAttribute("aria-valuetext", written(model, t));
    odds.textContent = price(model, t);
    back.disabled = i === model.declared;
    panel.dataset.moved = String(i !== model.declared);
    const all = model.groups[0];
    if (all.withheld) return;
    const n = all.events + all.nonevents;
    const of = (k) => number((data.per * k) / n);
    const found = round((data.per * all.tp[i]) / n), ill = round((data.per * all.events) / n);
    const words =
      `At a threshold of ${written(model, t)}: of ${number(data.per)} people, ${number(ill)} have ${data.outcome}. ` +
      `${number(found)} of them are found, ${number(ill - found)} missed, and ${of(all.fp[i])} others are selected for nothing.`;
    clearTimeout(later);
    later = setTimeout(() => { said.textContent = words; }, 250);
  }

  function reset() {
    const model = current();
    range.min = "0";
    range.max = String(model.t.length - 1);
    range.value = String(model.declared);
    draw();
  }

  range.addEventListener("input", draw);
  back.addEventListener("click", reset);
  if (choice) choice.addEventListener("change", reset);
  document.querySelectorAll("[data-needs-script]").forEach((e) => { e.hidden = false; });
  reset();
})();

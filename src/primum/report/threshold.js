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
  const NONE = "\u2013", words = data.words;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  const round = (x, places = 0) => Math.floor(x * 10 ** places + 0.5 + 1e-9) / 10 ** places;
  const marked = (text) => text.replace(/[,.]/g, (mark) => (mark === "," ? words.thousands : words.decimal));
  const number = (x, places = 0) =>
    marked(round(x, places).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
  const percent = (x, places = 0) => fill(words.percent, { n: number(100 * x, places) });

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
    return [percent(k / n), fill(words.interval, { low: number(100 * low), high: number(100 * high) }), k / n];
  }

  function per(k, n) {
    if (n === 0) return [NONE, words.nobody, ""];
    return [number((data.per * k) / n), fill(words.of, { k: number(k), n: number(n) }), k / n];
  }

  // Found and missed add up to those who have it, after rounding.
  const rest = (cell, ill, found, n) =>
    n === 0 ? cell : [number(round((data.per * ill) / n) - round((data.per * found) / n)), cell[1], cell[2]];

  function cells(g, i) {
    if (!g) return Array.from({ length: 8 }, () => [NONE, words.not_scored, ""]);
    if (g.withheld) return Array.from({ length: 8 }, () => [words.withheld, "", ""]);
    const n = g.events + g.nonevents, tp = g.tp[i], fp = g.fp[i];
    return [
      [number(n), "", n],
      per(g.events, n),
      per(tp, n),
      rest(per(g.events - tp, n), g.events, tp, n),
      per(fp, n),
      rate(tp, g.events, words.nobody_ill),
      rate(g.nonevents - fp, g.nonevents, words.nobody_well),
      rate(tp, tp + fp, words.nobody_selected),
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
    if (model.scale === "points") return marked(String(Number(t.toPrecision(6))));
    return percent(t, Math.abs(100 * t - Math.round(100 * t)) < 0.005 ? 0 : 1);
  };

  function price(model, t) {
    if (model.scale === "points" || t <= 0 || t >= 1) return "";
    const o = (1 - t) / t;
    const tell = (x) => number(x, x >= 10 || Math.abs(x - Math.round(x)) < 0.05 ? 0 : 1);
    if (Math.abs(o - 1) < 0.05) return words["price.same"];
    if (o > 1) return fill(words["price.more"], { n: tell(o) });
    return fill(words["price.less"], { n: tell(1 / o) });
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
    const told = fill(words.said, {
      at: written(model, t), per: number(data.per), ill: number(ill), outcome: data.outcome,
      found: number(found), missed: number(ill - found), alarms: of(all.fp[i]),
    });
    clearTimeout(later);
    later = setTimeout(() => { said.textContent = told; }, 250);
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

(() => {
  const report = document.getElementById("ch-report");
  const all = (selector, root = report) => [...root.querySelectorAll(selector)];
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  const rows = all(".ch-item").map((body) => ({
    body,
    text: `${body.dataset.model} ${body.querySelector(".ch-row").textContent}`.toLowerCase(),
    details: body.querySelector(".ch-more details"),
    button: body.querySelector(".ch-id button"),
  }));

  for (const { body, details, button } of rows) {
    details.addEventListener("toggle", () => button.setAttribute("aria-expanded", details.open));
    body.querySelector(".ch-row").addEventListener("click", (event) => {
      const selecting = window.getSelection().toString() !== "";
      if (event.target.closest("a") || (selecting && event.target !== button)) return;
      details.open = !details.open;
    });
  }

  const form = report.querySelector(".ch-filters");
  const controls = all("[data-ch-filter]", form);
  const matches = ({ body, text }, key, wanted) => {
    if (key === "text") return text.includes(wanted.trim().toLowerCase());
    if (key === "mark") return body.dataset.mark.split(";").includes(wanted);
    return body.dataset[key] === wanted;
  };
  const filter = () => {
    const wanted = controls.filter((control) => control.value).map((control) => [control.dataset.chFilter, control.value]);
    let shown = 0;
    for (const row of rows) {
      row.body.hidden = !wanted.every(([key, value]) => matches(row, key, value));
      shown += !row.body.hidden;
    }
    for (const table of all(".ch-table-of")) {
      let heading = null;
      for (const body of all("tbody", table)) {
        if (body.classList.contains("ch-study")) (heading = body).hidden = true;
        else if (!body.hidden && heading) heading.hidden = false;
      }
      table.hidden = !table.querySelector(".ch-item:not([hidden])");
    }
    report.querySelector(".ch-none").hidden = shown > 0;
    form.querySelector("output").textContent =
      shown === rows.length ? `${rows.length} criteria` : `${shown} of ${rows.length} criteria shown`;
  };
  const show = (wanted) => {
    for (const control of controls) control.value = wanted.get(control.dataset.chFilter) || "";
    filter();
  };
  form.addEventListener("input", filter);
  for (const link of all("[data-ch-show]")) link.addEventListener("click", () => show(new URLSearchParams(link.dataset.chShow)));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  for (const button of all("[data-ch-open]", form)) {
    button.addEventListener("click", () => {
      for (const { body, details } of rows) if (!body.hidden) details.open = button.dataset.chOpen === "true";
    });
  }

  for (const button of all("[data-ch-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        window.getSelection().selectAllChildren(code);
        button.textContent = "selected";
      }
      setTimeout(() => (button.textContent = "copy"), 1500);
    });
  }

  for (const image of all("[data-ch-same]")) image.src = document.getElementById(image.dataset.chSame).src;

  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.hidden) show(new URLSearchParams());
    const details = target.matches(".ch-item") ? target.querySelector(".ch-more details") : target.closest("details");
    if (details) details.open = true;
    target.scrollIntoView();
  };

  const svg = (tag, attributes = {}, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.textContent = text;
    return node;
  };
  const frame = (width, height) => ({ width, height, viewBox: `0 0 ${width} ${height}` });
  const short = (value) => {
    if (value === null || value === undefined) return "–";
    if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
    return String(Number(value.toPrecision(3)));
  };

  const explore = (section) => {
    const data = JSON.parse(section.querySelector("script").textContent);
    const stage = section.querySelector(".ch-stage");
    const at = new Map(data.records.map((record) => [`${record.layer},${record.head}`, record]));
    const order = [...data.records].sort((a, b) => a.rank - b.rank);
    let chosen = order[0];

    const pick = (label, options) => {
      const select = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
      return [make("label", {}, label, select), select];
    };
    const numbers = (count) => Array.from({ length: count }, (_, index) => [index, String(index)]);
    const [layerLabel, layer] = pick("Layer", numbers(data.layers));
    const [headLabel, head] = pick("Head", numbers(data.heads));
    const [scoreLabel, score] = pick("Colour the map by", data.scores.map((label, index) => [index, label]));
    const stronger = make("button", { type: "button" }, "◂ stronger");
    const weaker = make("button", { type: "button" }, "weaker ▸");
    const map = make("figure");
    const pattern = make("figure");
    const facts = make("div");
    const shares = make("figure");
    stage.append(make("div", { className: "ch-choose" }, layerLabel, headLabel, stronger, weaker, scoreLabel), make("div", {}, map, shares), pattern, facts);

    const choose = (record) => {
      if (!record) return;
      chosen = record;
      layer.value = record.layer;
      head.value = record.head;
      stronger.disabled = record === order[0];
      weaker.disabled = record === order[order.length - 1];
      drawMap();
      drawPattern();
      drawFacts();
    };

    const drawMap = () => {
      const size = Math.max(11, Math.min(34, Math.floor(460 / data.heads)));
      const values = data.records.map((record) => record.scores[score.value]).filter((value) => value !== null);
      const low = Math.min(...values);
      const span = Math.max(...values) - low || 1;
      const drawing = svg("svg", {
        ...frame(30 + size * data.heads, 34 + size * data.layers), tabindex: 0, role: "group",
        "aria-label": `Map of all heads; arrow keys choose one. Chosen: layer ${chosen.layer}, head ${chosen.head}`,
      });
      for (const record of data.records) {
        const value = record.scores[score.value];
        const cell = svg("rect", {
          class: value === null ? "ch-cell ch-outside ch-head-cell" : "ch-cell ch-head-cell",
          x: 28 + size * record.head, y: size * record.layer, width: size, height: size,
          "fill-opacity": value === null ? 1 : 0.04 + (0.96 * (value - low)) / span,
        });
        cell.append(svg("title", {}, `L${record.layer}H${record.head}: ${short(value)}`));
        cell.addEventListener("click", () => choose(record));
        drawing.append(cell);
      }
      const every = Math.ceil(18 / size);
      for (let index = 0; index < data.layers; index += every)
        drawing.append(svg("text", { x: 22, y: size * index + size / 2 + 4, "text-anchor": "end" }, index));
      for (let index = 0; index < data.heads; index += every)
        drawing.append(svg("text", { x: 28 + size * (index + 0.5), y: size * data.layers + 14, "text-anchor": "middle" }, index));
      drawing.append(svg("text", { x: 28 + (size * data.heads) / 2, y: size * data.layers + 29, "text-anchor": "middle" }, "head"));
      drawing.append(svg("rect", { class: "ch-chosen", x: 28 + size * chosen.head, y: size * chosen.layer, width: size, height: size }));
      drawing.addEventListener("keydown", (event) => {
        const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
        if (!down && !right) return;
        event.preventDefault();
        choose(at.get(`${chosen.layer + down},${chosen.head + right}`));
        map.querySelector("svg").focus();
      });
      const label = data.scores[score.value];
      map.replaceChildren(
        make("figcaption", {}, `All heads, layers from top: ${label}, ${short(low)} (faint) to ${short(low + span)} (strong)`), drawing);
    };

    const drawPattern = () => {
      const T = data.thoughts;
      const size = Math.max(24, Math.min(46, Math.floor(300 / T)));
      const drawing = svg("svg", {
        ...frame(50 + size * T, 40 + size * T), role: "img",
        "aria-label": `Mean attention between thoughts, layer ${chosen.layer}, head ${chosen.head}`,
      });
      for (let i = 0; i < T; i += 1) {
        for (let j = 0; j < T; j += 1) {
          const value = chosen.pattern[i][j];
          const cell = svg("rect", {
            class: j > i ? "ch-cell ch-outside" : "ch-cell", x: 46 + size * j, y: size * i, width: size, height: size,
            "fill-opacity": j > i ? 1 : value,
          });
          if (j <= i) cell.append(svg("title", {}, `query ${i} reads key ${j}: ${short(value)}`));
          drawing.append(cell);
          if (j <= i)
            drawing.append(svg("text", {
              class: value > 0.55 ? "ch-value ch-strong" : "ch-value",
              x: 46 + size * (j + 0.5), y: size * (i + 0.5) + 4, "text-anchor": "middle",
            }, value.toFixed(2)));
        }
        drawing.append(svg("text", { x: 40, y: size * (i + 0.5) + 4, "text-anchor": "end" }, i));
        drawing.append(svg("text", { x: 46 + size * (i + 0.5), y: size * T + 15, "text-anchor": "middle" }, i));
      }
      drawing.append(svg("text", { x: 46 + (size * T) / 2, y: size * T + 32, "text-anchor": "middle" }, "read thought (source)"));
      const turned = { x: 0, y: 0, "text-anchor": "middle", transform: `translate(14 ${(size * T) / 2}) rotate(-90)` };
      drawing.append(svg("text", turned, "reading thought (destination)"));
      pattern.replaceChildren(
        make("figcaption", {}, `L${chosen.layer}H${chosen.head}, mean over problems, colour 0 to 1`), drawing);
    };

    const drawShares = () => {
      const T = data.thoughts;
      const table = make("table", { className: "ch-plain" });
      const cell = (tag, text) => make(tag, { className: "ch-num" }, text);
      const line = (tag, name, values) => table.append(make("tr", {}, make("th", { scope: "row" }, name), ...values.map((text) => cell(tag, text))));
      line("th", "thought", chosen.columns.map((_, j) => String(j)));
      line("td", "this head", chosen.columns.map((share) => share.toFixed(2)));
      line("td", "causality alone", chosen.columns.map((_, j) => {
        let causal = 0;
        for (let i = j; i < T; i += 1) causal += 1 / (i + 1) / T;
        return causal.toFixed(2);
      }));
      return table;
    };

    const drawFacts = () => {
      const table = make("table", { className: "ch-plain" });
      const line = (label, value) =>
        table.append(make("tr", {}, make("th", { scope: "row" }, label), make("td", { className: "ch-num" }, value)));
      line("rank by head_max", `${chosen.rank} of ${order.length}`);
      if (chosen.type) line("functional type", chosen.type);
      data.scores.forEach((label, index) => line(label, short(chosen.scores[index])));
      facts.replaceChildren(table);
      shares.replaceChildren();
      if (chosen.columns) shares.append(make("figcaption", {}, "Column shares: how much of all weight on thoughts each receives"), drawShares());
    };

    layer.addEventListener("input", () => choose(at.get(`${layer.value},${head.value}`)));
    head.addEventListener("input", () => choose(at.get(`${layer.value},${head.value}`)));
    score.addEventListener("input", drawMap);
    stronger.addEventListener("click", () => choose(order[order.indexOf(chosen) - 1]));
    weaker.addEventListener("click", () => choose(order[order.indexOf(chosen) + 1]));
    choose(chosen);
  };

  const foldTestLog = () => {
    const counts = [...document.querySelectorAll(".filters span")].filter((span) => !/^0 /.test(span.textContent.trim()));
    const words = counts.map((span) => span.textContent.trim().replace(/,$/, "")).join(", ");
    const log = make("details", { className: "ch-log", id: "ch-log" },
      make("summary", {}, "Test log", make("span", {}, `pytest's own table, as the gate decided: ${words || "no tests"}`)));
    log.open = counts.some((span) => span.classList.contains("error"));
    log.append(...[...document.body.childNodes].filter((node) => node !== report));
    document.body.prepend(report);
    document.body.append(log);
  };

  // pytest-html keeps its filters in the query by pushing a decoded address, which a browser refuses for a file
  // whose path holds anything but ASCII; the refusal would leave its table empty. The query alone says the same.
  history.pushState = (state, title, address) => {
    const { search } = new URL(address, location.href);
    history.replaceState(state, title, (search || location.pathname) + location.hash);
  };

  document.addEventListener("DOMContentLoaded", () => {
    all(".ch-explorer").forEach(explore);
    filter();
    if (document.getElementById("results-table")) {
      document.documentElement.lang = "en";
      document.head.append(make("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }));
      document.body.prepend(report);
      foldTestLog();
    } else {
      report.querySelector('[href="#ch-log"]').remove();
    }
    document.body.classList.add("ch-ready");
    follow();
    window.addEventListener("hashchange", follow);
  });
})();

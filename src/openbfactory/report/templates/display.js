"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const body = document.body, tip = document.getElementById("tip");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const sections = all("section.event"), SVG = "http://www.w3.org/2000/svg";
  const HOME = { yaw: -0.62, pitch: 0.38 };
  const widest = Object.keys(data.extents)[0];
  let current = 0, look = data.extent, picked = false, chosen = null;

  /* what is known of an object */
  function fill(target, key) {
    const object = data.events[current].objects[key];
    target.replaceChildren();
    if (!object) return false;
    const title = document.createElement("h3"), list = document.createElement("dl"), mark = document.createElement("span");
    target.className = target.className.replace(/\bk-\w+/g, "").trim() + " k-" + object.c;
    mark.className = "swatch";
    title.append(mark, " " + object.n);
    for (const [name, value, truth] of object.p) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = name; dd.textContent = value;
      if (truth) { dt.className = "truth"; dd.className = "truth"; }
      list.append(dt, dd);
    }
    target.append(title, list);
    return true;
  }
  const section = () => sections[current];
  const light = key => all(".o", section()).forEach(o => o.classList.toggle("lit", key !== null && o.dataset.k === key));
  function show(key, x, y) {
    light(key);
    tip.hidden = !fill(tip, key);
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, x + 18 + box.width > innerWidth ? x - box.width - 14 : x + 18) + "px";
    tip.style.top = Math.max(4, Math.min(y + 14, innerHeight - box.height - 6)) + "px";
  }
  function hide() { tip.hidden = true; light(chosen); }
  function choose(key) { chosen = key; fill(section().querySelector(".chosen"), key); light(key); }
  const of = event => event.target.closest && event.target.closest(".o[data-k]");
  document.addEventListener("pointermove", event => {
    const o = event.buttons ? null : of(event);
    if (o) show(o.dataset.k, event.clientX, event.clientY); else if (!tip.hidden) hide();
  });
  document.addEventListener("focusin", event => {
    const o = of(event);
    if (!o || !o.matches(":focus-visible")) return;
    const box = o.getBoundingClientRect();
    choose(o.dataset.k);
    show(o.dataset.k, box.right, box.top);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("click", event => { const o = of(event); if (o) choose(o.dataset.k); });

  /* layers */
  const boxes = all("input.layer"), groups = all("input.group");
  function layers() {
    for (const box of boxes) body.classList.toggle("hide-" + box.value, !box.checked);
    for (const group of groups) {
      const own = boxes.filter(box => box.dataset.group === group.id), on = own.filter(box => box.checked).length;
      group.checked = on === own.length;
      group.indeterminate = on > 0 && on < own.length;
    }
    body.classList.toggle("blind", !boxes.some(box => box.checked && box.value.startsWith("mc-")));
  }
  boxes.forEach(box => box.addEventListener("change", layers));
  groups.forEach(group => group.addEventListener("change", () => {
    boxes.filter(box => box.dataset.group === group.id).forEach(box => { box.checked = group.checked; });
    layers();
  }));

  /* candidates */
  function mark() {
    const box = section().querySelector("input.candidate:checked"), keys = box && box.value ? box.value.split(" ") : [];
    all(".o", section()).forEach(o => o.classList.toggle("marked", keys.includes(o.dataset.k)));
  }
  all("input.candidate").forEach(box => box.addEventListener("change", mark));

  /* flat views */
  const flat = svg => svg.dataset.view !== "space";
  function homeOf(svg) {
    const [half, z] = data.extents[look], middle = svg.dataset.view === "rz" ? z : 0;
    return [middle - half, -half, 2 * half, 2 * half];
  }
  function setBox(svg, box) {
    svg.box = box;
    svg.setAttribute("viewBox", box.map(v => +v.toPrecision(9)).join(" "));
    const width = svg.clientWidth || 600, unit = box[2] / width;
    svg.style.fontSize = 12 * unit + "px";
    const target = 0.22 * box[2], power = 10 ** Math.floor(Math.log10(target));
    const length = [5, 2, 1].map(n => n * power).find(v => v <= target);
    const scale = svg.parentNode.querySelector(".scale");
    scale.firstElementChild.style.width = length / unit + "px";
    scale.lastElementChild.textContent = length >= 100 ? length / 100 + " m" : length >= 1 ? length + " cm"
      : length >= 0.1 ? +(length * 10).toPrecision(2) + " mm" : +(length * 1e4).toPrecision(2) + " µm";
  }
  function zoom(svg, factor, x = 0.5, y = 0.5) {
    if (!flat(svg)) { svg.zoom = Math.min(400, Math.max(0.3, svg.zoom / factor)); draw(svg); return; }
    const [left, top, width, height] = svg.box, next = Math.min(2000, Math.max(0.002, width * factor)), share = next / width;
    setBox(svg, [left + x * width * (1 - share), top + y * height * (1 - share), next, height * share]);
  }
  function move(svg, dx, dy) {
    if (flat(svg)) { setBox(svg, [svg.box[0] - dx * svg.box[2], svg.box[1] - dy * svg.box[3], svg.box[2], svg.box[3]]); return; }
    svg.yaw += 3.2 * dx;
    svg.pitch = Math.min(1.57, Math.max(-1.57, svg.pitch + 3.2 * dy));
    draw(svg);
  }
  function home(svg) {
    if (flat(svg)) { setBox(svg, homeOf(svg)); return; }
    Object.assign(svg, HOME, { zoom: 1 });
    draw(svg);
  }

  /* the third view: orthographic, turned about the vertical and the horizontal axis of the page */
  function element(name, classes, parent) {
    const made = document.createElementNS(SVG, name);
    made.setAttribute("class", classes);
    parent.append(made);
    return made;
  }
  function build(svg) {
    svg.parts = [];
    const det = element("g", "det", svg);
    det.setAttribute("aria-hidden", "true");
    for (const wire of data.wires) {
      svg.parts.push({ f: "line", p: wire.p, far: wire.s === "KLM", paths: [element("path", wire.s, det)] });
    }
    for (const item of data.events[current].space) {
      const g = element("g", "o k-" + item.c + (item.l.startsWith("mc-") ? " mc" : ""), svg);
      g.dataset.k = item.k; g.dataset.layer = item.l;
      g.setAttribute("aria-hidden", "true");
      const classes = item.f === "tower" ? ["tower"] : item.f === "dot" ? ["near", "dot", "dot"] : ["near", item.f];
      svg.parts.push({ f: item.f, p: item.p, paths: classes.map(name => element("path", name, g)) });
    }
    Object.assign(svg, HOME, { zoom: 1 });
  }
  function hull(points) {
    const sorted = points.slice().sort((a, b) => a[0] - b[0] || a[1] - b[1]), chain = sequence => {
      const out = [];
      for (const p of sequence) {
        while (out.length > 1) {
          const a = out[out.length - 2], b = out[out.length - 1];
          if ((b[0] - a[0]) * (p[1] - a[1]) > (b[1] - a[1]) * (p[0] - a[0])) break;
          out.pop();
        }
        out.push(p);
      }
      return out.slice(0, -1);
    };
    return chain(sorted).concat(chain(sorted.reverse()));
  }
  function draw(svg) {
    const [half, z] = data.extents[look], scale = 0.8 * svg.zoom / half, middle = svg.zoom > 4 ? 0 : z;
    const cy = Math.cos(svg.yaw), sy = Math.sin(svg.yaw), cp = Math.cos(svg.pitch), sp = Math.sin(svg.pitch);
    const project = p => {  /* z to the right at first, x towards the reader, y up */
      const along = p[2] - middle, right = cy * along + sy * p[0], deep = cy * p[0] - sy * along;
      return [scale * right, -scale * (cp * p[1] - sp * deep)];
    };
    const text = points => "M" + points.map(q => q[0].toFixed(4) + " " + q[1].toFixed(4)).join("L");
    for (const part of svg.parts) {
      if (part.far) part.paths[0].style.display = look === widest ? "" : "none";
      const q = part.p.map(project);
      let path = part.f === "tower" ? text(hull(q)) + "Z" : part.f === "dot" ? text(q) + "h0" : text(q);
      if (part.f === "arrow") {
        const [a, b] = q, w = [b[0] - a[0], b[1] - a[1]], at = s => [b[0] - 0.12 * w[0] + s * 0.05 * w[1], b[1] - 0.12 * w[1] - s * 0.05 * w[0]];
        path += text([at(1), b, at(-1)]);
      }
      for (const target of part.paths) target.setAttribute("d", path);
    }
  }
  let turning = null;
  function turn(time) {
    const svg = section().querySelector(".space");
    svg.yaw += 0.006;
    draw(svg);
    turning = requestAnimationFrame(turn);
  }
  all(".turning").forEach(button => button.addEventListener("click", () => {
    if (turning === null) turning = requestAnimationFrame(turn); else { cancelAnimationFrame(turning); turning = null; }
    all(".turning").forEach(b => b.setAttribute("aria-pressed", String(turning !== null)));
  }));

  /* pointer and keys on the views */
  for (const svg of all("svg.view")) {
    const frame = svg.parentNode;
    let last = null;
    svg.addEventListener("wheel", event => {
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      zoom(svg, Math.exp(0.0016 * event.deltaY), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    }, { passive: false });
    svg.addEventListener("pointerdown", event => { last = [event.clientX, event.clientY]; });
    svg.addEventListener("pointermove", event => {
      if (!last || !event.buttons) { last = null; return; }
      move(svg, (event.clientX - last[0]) / svg.clientWidth, (event.clientY - last[1]) / svg.clientHeight);
      last = [event.clientX, event.clientY];
    });
    svg.addEventListener("pointerup", () => { last = null; });
    svg.addEventListener("keydown", event => {
      const step = { ArrowLeft: [-0.06, 0], ArrowRight: [0.06, 0], ArrowUp: [0, -0.06], ArrowDown: [0, 0.06] }[event.key];
      if (step) move(svg, step[0], step[1]);
      else if (event.key === "+" || event.key === "=") zoom(svg, 0.8);
      else if (event.key === "-") zoom(svg, 1.25);
      else if (event.key === "0") home(svg);
      else return;
      event.preventDefault();
    });
    svg.addEventListener("dblclick", () => home(svg));
    frame.querySelector(".nearer").addEventListener("click", () => zoom(svg, 0.7));
    frame.querySelector(".farther").addEventListener("click", () => zoom(svg, 1 / 0.7));
    frame.querySelector(".save").addEventListener("click", () => save(svg));
  }
  function picture(svg) {
    const copy = svg.cloneNode(true), style = document.createElementNS(SVG, "style"), look = getComputedStyle(document.documentElement);
    const rules = document.getElementById("look").textContent, names = [...new Set(rules.match(/--[\w-]+(?=:)/g))].filter(n => n !== "--c");
    style.textContent = rules.replace(/@media[^]*?\}\s*\}/, "") + ":root:root{" + names.map(n => n + ":" + look.getPropertyValue(n)).join(";") + "}";
    const hidden = boxes.filter(box => !box.checked).map(box => box.value === "detector" ? ".det" : `[data-layer="${box.value}"]`);
    all(".near" + hidden.map(s => "," + s).join(""), copy).forEach(e => e.remove());
    all("*", copy).concat(copy).forEach(e => ["tabindex", "data-k", "aria-hidden"].forEach(name => e.removeAttribute(name)));
    copy.setAttribute("xmlns", SVG);
    copy.setAttribute("width", "900"); copy.setAttribute("height", "900");
    copy.style.background = look.getPropertyValue("--paper");
    copy.prepend(style);
    return new XMLSerializer().serializeToString(copy);
  }
  function save(svg) {
    const link = document.createElement("a");
    link.href = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(picture(svg));
    link.download = `event-${data.events[current].number}-${svg.dataset.view}.svg`;
    link.click();
  }

  /* looks, events, theme */
  all(".look").forEach(button => button.addEventListener("click", () => {
    lookAt(button.value);
    picked = true;
    all("svg.view", section()).forEach(home);
  }));
  function lookAt(name) {
    look = name;
    all(".look").forEach(b => b.setAttribute("aria-pressed", String(b.value === name)));
  }
  const chooser = document.getElementById("event");
  function go(index) {
    if (index < 0 || index >= sections.length) return;
    const before = section();
    current = index;
    if (!picked) lookAt(data.events[current].look);
    before.hidden = true;
    section().hidden = false;
    chosen = null;
    document.getElementById("number").textContent = data.events[current].number;
    if (chooser) {
      chooser.value = String(current);
      document.getElementById("previous").disabled = current === 0;
      document.getElementById("next").disabled = current === sections.length - 1;
    }
    const space = section().querySelector(".space");
    if (!space.parts) build(space);
    all("svg.view", section()).forEach(svg => { if (!flat(svg)) draw(svg); else if (!svg.box || before !== section()) setBox(svg, homeOf(svg)); });
    all(".chosen", section()).forEach(e => { if (e.querySelector("dl")) e.replaceChildren(); });
    hide();
    mark();
  }
  if (chooser) {
    chooser.addEventListener("change", () => go(+chooser.value));
    document.getElementById("previous").addEventListener("click", () => go(current - 1));
    document.getElementById("next").addEventListener("click", () => go(current + 1));
    document.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=text]")) return;
      if (event.key === "n") go(current + 1); else if (event.key === "p") go(current - 1);
    });
  }
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("resize", () => all("svg.view", section()).forEach(svg => { if (flat(svg)) setBox(svg, svg.box); }));
  document.addEventListener("keydown", event => { if (event.key === "Escape") { chosen = null; hide(); } });
  const parameters = new URLSearchParams(location.hash.slice(1));
  if (parameters.has("theme")) document.documentElement.dataset.theme = parameters.get("theme");
  if (data.extents[parameters.get("look")]) { lookAt(parameters.get("look")); picked = true; }
  if (parameters.has("true")) boxes.filter(box => box.value.startsWith("mc-")).forEach(box => { box.checked = true; });
  layers();
  go(Math.max(0, data.events.findIndex(e => String(e.number) === parameters.get("event"))));
})();

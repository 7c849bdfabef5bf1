// A map of photos on one canvas: hover, keys, zoom, lasso. Marks differ in hue and in shape (hues of Okabe and Ito, which
// people with any colour vision distinguish).

import { thumbnail } from "/static/media.js";

const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c98500", "#56a4d9", "#8a7a00"];
const DARK = ["#4a9fe0", "#f07b3f", "#2fbf91", "#d98fb8", "#e6ac2e", "#9bd2f5", "#c9b93a"];
const SHAPES = ["circle", "square", "triangle", "diamond", "cross"];
const GRID = 64; // cells a side of the index
const NEAR = 14; // pixels from the pointer to a mark
const STEP = 1.35; // zoom a wheel notch or a key

export default {
  props: { words: Object },
  template: `
    <div class="check-map">
      <div class="check-map-tools" role="toolbar" :aria-label="words.tools">
        <button type="button" :aria-pressed="mode === 'lasso'" @click="mode = 'lasso'">{{ words.lasso }}</button>
        <button type="button" :aria-pressed="mode === 'pan'" @click="mode = 'pan'">{{ words.pan }}</button>
        <span class="check-map-gap"></span>
        <button type="button" :aria-label="words.zoom_in" @click="zoom(1.35)">+</button>
        <button type="button" :aria-label="words.zoom_out" @click="zoom(1 / 1.35)">−</button>
        <button type="button" @click="whole">{{ words.whole }}</button>
        <label class="check-map-near">{{ words.nearest }}
          <input type="number" min="1" max="999" v-model.number="wanted" :aria-label="words.nearest_count">
          <button type="button" @click="takeNearest" :disabled="focused < 0">{{ words.take }}</button>
        </label>
      </div>
      <div class="check-map-box" ref="box">
        <canvas ref="marks" aria-hidden="true"></canvas>
        <canvas ref="canvas" tabindex="0" role="application" :aria-label="words.map" aria-describedby="check-map-keys"
          :class="mode" @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up"
          @pointerleave="leave" @wheel.prevent="wheel" @keydown="key" @focus="begin"></canvas>
        <div v-if="shown >= 0" class="check-map-tip" :style="tip" aria-hidden="true">
          <img :src="address(shown)" alt="" :key="ids[shown]">
          <b>{{ labels[kinds[shown]] }}</b>
          <span>{{ name(shown) }}</span>
        </div>
      </div>
      <div class="screen-reader" role="status" aria-live="polite">{{ said }}</div>
      <p id="check-map-keys" class="quiet check-map-help">{{ words.keys }}</p>
      <div class="check-map-legend" role="group" :aria-label="words.legend">
        <button v-for="(label, place) in labels" :key="label" type="button" :aria-pressed="!hidden[place]" @click="toggle(place)">
          <svg viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">
            <path :d="path(place)" :fill="hue(place)" stroke="var(--card)" stroke-width="0.8"/></svg>
          <span>{{ label }}</span> <small>{{ counts[place] }}</small>
        </button>
      </div>
    </div>`,
  data() {
    return {
      mode: "lasso", labels: [], counts: [], hidden: [], ids: [], unknown: false, focused: -1, shown: -1, said: "",
      wanted: 10, tip: {}, dark: false,
    };
  },
  created() { // large, and not to be watched
    Object.assign(this, {
      points: new Float32Array(0), kinds: new Uint16Array(0), versions: [], chosen: new Uint8Array(0), order: [],
      view: { x: 0, y: 0, scale: 1 }, pointers: new Map(), lasso: null, sprites: [], cells: new Map(), waiting: false, stale: true,
    });
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.box);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => { this.dark = this.scheme.matches; this.sprites = []; this.draw(); };
    this.dark = this.scheme.matches;
    this.scheme.addEventListener("change", this.repaint);
    this.measure();
    this.$emit("ready");
  },
  unmounted() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
  },
  methods: {
    load(given, keepView) {
      const before = new Set(keepView ? this.selected() : []), hidden = keepView ? this.hiddenLabels() : new Set();
      this.points = new Float32Array(bytes(given.points).buffer);
      this.kinds = new Uint16Array(bytes(given.classes).buffer);
      Object.assign(this, { ids: Object.freeze(given.ids), versions: given.versions, labels: given.labels, unknown: given.unknown });
      this.chosen = Uint8Array.from(this.ids, (id) => before.has(id));
      this.hidden = this.labels.map((label) => hidden.has(label));
      this.counts = this.labels.map(() => 0);
      for (const kind of this.kinds) this.counts[kind] += 1;
      this.token = given.token;
      this.order = shuffled(this.ids.length);
      this.focused = this.shown = -1;
      this.sprites = [];
      this.index();
      if (!keepView) this.view = { x: 0, y: 0, scale: 1 };
      this.draw();
      this.tell();
    },
    hiddenLabels() { return new Set(this.labels.filter((_, place) => this.hidden[place])); },
    index() {
      this.cells = new Map();
      for (let i = 0; i < this.ids.length; i++) {
        const key = this.cell(this.points[2 * i], this.points[2 * i + 1]);
        if (!this.cells.has(key)) this.cells.set(key, []);
        this.cells.get(key).push(i);
      }
    },
    cell(x, y) { return Math.floor(((x + 1) / 2) * GRID) * 4096 + Math.floor(((y + 1) / 2) * GRID); },
    measure() {
      const box = this.$refs.box, canvas = this.$refs.canvas, ratio = devicePixelRatio || 1;
      if (!box || !box.clientWidth) return;
      [this.width, this.height, this.ratio] = [box.clientWidth, box.clientHeight, ratio];
      canvas.width = this.$refs.marks.width = Math.round(this.width * ratio);
      canvas.height = this.$refs.marks.height = Math.round(this.height * ratio);
      this.sprites = [];
      this.stale = true;
      this.paint();
    },
    half() { return Math.max(10, Math.min(this.width, this.height) / 2 - 16); },
    sx(x) { return this.width / 2 + (x - this.view.x) * this.half() * this.view.scale; },
    sy(y) { return this.height / 2 - (y - this.view.y) * this.half() * this.view.scale; },
    dx(sx) { return (sx - this.width / 2) / (this.half() * this.view.scale) + this.view.x; },
    dy(sy) { return (this.height / 2 - sy) / (this.half() * this.view.scale) + this.view.y; },
    hue(place) {
      const hues = this.dark ? DARK : HUES;
      return this.unknown && place === this.labels.length - 1 ? "#8a929d" : hues[place % hues.length];
    },
    path(place) { return outline(SHAPES[place % SHAPES.length], 5.5); },
    // The pixels of a mark that are not clear: places from its middle, and colours.
    sprite(place) {
      if (this.sprites[place]) return this.sprites[place];
      const size = 2 * Math.ceil(8 * this.ratio), made = document.createElement("canvas");
      made.width = made.height = size;
      const pen = made.getContext("2d"), mark = new Path2D(outline(SHAPES[place % SHAPES.length], this.radius()));
      pen.setTransform(this.ratio, 0, 0, this.ratio, size / 2, size / 2);
      pen.fillStyle = this.hue(place);
      pen.strokeStyle = getComputedStyle(this.$el).getPropertyValue("--card");
      pen.lineWidth = 0.8;
      pen.fill(mark);
      pen.stroke(mark);
      const { data } = pen.getImageData(0, 0, size, size), across = [], down = [], colours = [];
      for (let i = 0; i < size * size; i++) {
        if (data[4 * i + 3] < 16) continue;
        across.push((i % size) - size / 2);
        down.push(Math.floor(i / size) - size / 2);
        colours.push(...data.subarray(4 * i, 4 * i + 4));
      }
      return (this.sprites[place] = { across: Int16Array.from(across), down: Int16Array.from(down), colours: Uint8Array.from(colours) });
    },
    radius() { return this.ids.length > 5000 ? 3.2 : this.ids.length > 800 ? 4.2 : 5.5; },
    draw() { this.stale = true; this.overlay(); },
    overlay() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.paint(); });
    },
    paint() {
      if (!this.$refs.canvas || !this.width) return;
      if (this.stale) this.paintMarks();
      this.stale = false;
      const canvas = this.$refs.canvas, pen = canvas.getContext("2d"), style = getComputedStyle(this.$el), { points } = this;
      pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      pen.clearRect(0, 0, this.width, this.height);
      if (this.shown >= 0) {
        pen.strokeStyle = style.getPropertyValue("--ink");
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(this.sx(points[2 * this.shown]), this.sy(points[2 * this.shown + 1]), 9, 0, 7);
        pen.stroke();
      }
      if (!this.lasso) return;
      pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--right");
      pen.lineWidth = 2;
      pen.beginPath();
      this.lasso.forEach(([x, y]) => pen.lineTo(x, y));
      pen.closePath();
      pen.stroke();
      pen.globalAlpha = 0.12;
      pen.fill();
      pen.globalAlpha = 1;
    },
    // Pixel by pixel: where there is no graphics card, 20,000 calls of drawImage take a third of a second.
    paintMarks() {
      const start = performance.now(), canvas = this.$refs.marks, { points, kinds, chosen, order } = this;
      const hidden = [...this.hidden]; // plain, since a watched one is slow
      const { width, height } = canvas, pen = canvas.getContext("2d", { willReadFrequently: true });
      if (!this.image || this.image.width !== width || this.image.height !== height) this.image = pen.createImageData(width, height);
      const pixels = this.image.data, whole = new Uint32Array(pixels.buffer), sprites = this.labels.map((_, place) => this.sprite(place));
      pen.fillStyle = getComputedStyle(this.$el).getPropertyValue("--card");
      pen.fillRect(0, 0, 1, 1);
      whole.fill(new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0]);
      const some = chosen.some((flag) => flag), scale = this.half() * this.view.scale * this.ratio;
      const left = (this.width / 2) * this.ratio - this.view.x * scale, top = (this.height / 2) * this.ratio + this.view.y * scale;
      for (const turn of some ? [0, 1] : [0]) {
        const strength = some && !turn ? 0.3 / 255 : 1 / 255;
        for (const i of order) {
          if (hidden[kinds[i]] || (some && chosen[i] !== turn)) continue;
          const x = Math.round(left + points[2 * i] * scale), y = Math.round(top - points[2 * i + 1] * scale);
          if (x < -16 || y < -16 || x > width + 16 || y > height + 16) continue;
          const { across, down, colours } = sprites[kinds[i]];
          for (let j = 0; j < across.length; j++) {
            const px = x + across[j], py = y + down[j];
            if (px < 0 || py < 0 || px >= width || py >= height) continue;
            const at = 4 * (py * width + px), share = colours[4 * j + 3] * strength;
            pixels[at] += (colours[4 * j] - pixels[at]) * share;
            pixels[at + 1] += (colours[4 * j + 1] - pixels[at + 1]) * share;
            pixels[at + 2] += (colours[4 * j + 2] - pixels[at + 2]) * share;
          }
        }
      }
      pen.putImageData(this.image, 0, 0);
      this.$el.dataset.ms = (performance.now() - start).toFixed(2);
      this.$el.dataset.drawn = this.ids.length;
    },
    at(event) {
      const edge = this.$refs.canvas.getBoundingClientRect();
      return [event.clientX - edge.left, event.clientY - edge.top];
    },
    nearest(sx, sy, most) {
      const x = this.dx(sx), y = this.dy(sy), reach = most / (this.half() * this.view.scale), cell = 2 / GRID;
      let best = -1, least = reach * reach;
      for (let cx = x - reach - cell; cx <= x + reach + cell; cx += cell)
        for (let cy = y - reach - cell; cy <= y + reach + cell; cy += cell)
          for (const i of this.cells.get(this.cell(cx, cy)) || []) {
            const distance = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
            if (distance < least && !this.hidden[this.kinds[i]]) [best, least] = [i, distance];
          }
      return best;
    },
    show(i) {
      if (i === this.shown) return;
      this.shown = i;
      if (i >= 0) {
        const x = this.sx(this.points[2 * i]), y = this.sy(this.points[2 * i + 1]);
        this.tip = {
          left: `${Math.max(4, Math.min(x + (x > this.width - 180 ? -176 : 16), this.width - 164))}px`,
          top: `${Math.max(4, Math.min(y - 60, this.height - 196))}px`,
        };
      }
      this.overlay();
    },
    address(i) { return thumbnail(this.ids[i], this.versions[i]); },
    name(i) { return this.ids[i].split("/").pop(); },
    down(event) {
      this.$refs.canvas.focus({ preventScroll: true });
      if (event.button > 1) return;
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.at(event));
      this.panning = event.button === 1 || this.mode === "pan";
      this.lasso = this.pointers.size === 1 && !this.panning ? [this.at(event)] : null;
      this.moved = false;
    },
    move(event) {
      const [x, y] = this.at(event), before = this.pointers.get(event.pointerId);
      if (!before) return this.show(this.nearest(x, y, NEAR));
      if (Math.hypot(x - before[0], y - before[1]) < 3 && !this.moved) return;
      this.moved = true;
      if (this.pointers.size === 2) {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
        const factor = Math.hypot(x - other[0], y - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
        this.zoom(factor, (x + other[0]) / 2, (y + other[1]) / 2);
        this.shift((x - before[0]) / 2, (y - before[1]) / 2);
        this.lasso = null;
      } else if (this.lasso) {
        this.lasso.push([x, y]);
        this.overlay();
      } else if (this.panning) this.shift(x - before[0], y - before[1]);
      this.pointers.set(event.pointerId, [x, y]);
    },
    up(event) {
      if (!this.pointers.delete(event.pointerId)) return;
      const [x, y] = this.at(event), lasso = this.lasso;
      this.lasso = null;
      if (event.type === "pointercancel") return this.draw();
      if (lasso && this.moved && lasso.length > 2) {
        const corners = lasso.map(([sx, sy]) => [this.dx(sx), this.dy(sy)]);
        const { points, kinds, chosen } = this, hidden = [...this.hidden], { altKey, shiftKey } = event;
        const inside = (i) => !hidden[kinds[i]] && contains(corners, points[2 * i], points[2 * i + 1]);
        this.choose((i) => (altKey ? chosen[i] && !inside(i) : inside(i) || (shiftKey && chosen[i])));
      } else if (!this.moved && event.button === 0) {
        const i = this.nearest(x, y, NEAR);
        if (i >= 0) this.focused = i;
        if (i >= 0) this.choose((j) => (j === i ? !this.chosen[i] : this.chosen[j]));
        else if (!event.shiftKey) this.choose(() => false);
      }
      this.draw();
    },
    leave() { if (!this.pointers.size) this.show(document.activeElement === this.$refs.canvas && this.keyed ? this.focused : -1); },
    wheel(event) { const [x, y] = this.at(event); this.zoom(STEP ** (-Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 60)), x, y); },
    zoom(factor, sx = this.width / 2, sy = this.height / 2) {
      const x = this.dx(sx), y = this.dy(sy);
      this.view.scale = Math.min(400, Math.max(0.5, this.view.scale * factor));
      this.view.x += x - this.dx(sx);
      this.view.y += y - this.dy(sy);
      this.shown = -1;
      this.draw();
    },
    shift(sx, sy) {
      this.view.x -= sx / (this.half() * this.view.scale);
      this.view.y += sy / (this.half() * this.view.scale);
      this.shown = -1;
      this.draw();
    },
    whole() { this.view = { x: 0, y: 0, scale: 1 }; this.shown = -1; this.draw(); },
    begin() { if (this.focused >= 0 && this.keyed) this.show(this.focused); },
    key(event) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (event.ctrlKey || event.metaKey) {
        if (event.key.toLowerCase() !== "a") return;
        this.choose((i) => !this.hidden[this.kinds[i]]);
      } else if (step) this.walk(step, event.shiftKey);
      else if (event.key === " " || event.key === "Enter") { if (this.focused >= 0) this.choose((i) => (i === this.focused ? !this.chosen[i] : this.chosen[i])); }
      else if (event.key === "+" || event.key === "=") this.zoom(STEP);
      else if (event.key === "-") this.zoom(1 / STEP);
      else if (event.key === "0") this.whole();
      else if (event.key === "n" || event.key === "N") this.takeNearest();
      else if (event.key === "Escape") this.choose(() => false);
      else return;
      event.preventDefault();
    },
    walk([dx, dy], extend) {
      this.keyed = true;
      if (this.focused < 0 || this.hidden[this.kinds[this.focused]]) {
        const first = this.nearest(this.width / 2, this.height / 2, 4 * (this.width + this.height));
        return first >= 0 ? this.stand(first, extend) : undefined;
      }
      const { points, kinds, focused } = this, hidden = [...this.hidden], count = this.ids.length;
      const x = points[2 * focused], y = points[2 * focused + 1];
      let best = -1, least = Infinity;
      for (let i = 0; i < count; i++) {
        if (i === focused || hidden[kinds[i]]) continue;
        const ahead = (points[2 * i] - x) * dx + (points[2 * i + 1] - y) * dy;
        const aside = Math.abs((points[2 * i] - x) * dy + (points[2 * i + 1] - y) * dx);
        const copy = !ahead && !aside && dx + dy > 0 === i > focused; // at the same place: by turns
        if (!copy && (ahead <= 0 || aside > ahead)) continue;
        const distance = copy ? Math.abs(i - focused) * 1e-12 : ahead + 2 * aside;
        if (distance < least) [best, least] = [i, distance];
      }
      if (best >= 0) this.stand(best, extend);
    },
    stand(i, extend) {
      if (extend) { const from = this.focused; this.choose((j) => this.chosen[j] || j === i || j === from); }
      this.focused = i;
      const x = this.sx(this.points[2 * i]), y = this.sy(this.points[2 * i + 1]);
      if (x < 20 || y < 20 || x > this.width - 20 || y > this.height - 20) [this.view.x, this.view.y] = [this.points[2 * i], this.points[2 * i + 1]];
      this.shown = -1;
      this.show(i);
      this.said = `${this.name(i)}, ${this.labels[this.kinds[i]]}${this.chosen[i] ? `, ${this.words.selected}` : ""}`;
    },
    takeNearest() {
      if (this.focused < 0) return;
      const [x, y] = [this.points[2 * this.focused], this.points[2 * this.focused + 1]], count = Math.max(1, Math.min(999, this.wanted || 1));
      const { points, kinds, chosen } = this, hidden = [...this.hidden];
      const near = [...this.ids.keys()].filter((i) => !hidden[kinds[i]]);
      const distance = (i) => (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
      const taken = new Set(near.sort((a, b) => distance(a) - distance(b)).slice(0, count));
      this.choose((i) => chosen[i] || taken.has(i));
    },
    toggle(place) {
      this.hidden[place] = !this.hidden[place];
      this.shown = -1;
      if (this.hidden[place]) this.choose((i) => this.chosen[i] && this.kinds[i] !== place);
      this.draw();
    },
    choose(rule) {
      this.chosen = Uint8Array.from(this.chosen, (_, i) => (rule(i) ? 1 : 0));
      this.draw();
      this.tell();
    },
    selected() { return this.ids.filter((_, i) => this.chosen[i]); },
    clearSelection() { this.choose(() => false); },
    tell() {
      const bits = new Uint8Array(Math.ceil(this.ids.length / 8));
      this.chosen.forEach((flag, i) => { if (flag) bits[i >> 3] |= 128 >> (i & 7); });
      let text = "";
      for (let i = 0; i < bits.length; i += 4096) text += String.fromCharCode(...bits.subarray(i, i + 4096));
      this.$emit("select", { token: this.token, bits: btoa(text) });
    },
    screen(id) { const i = this.ids.indexOf(id); return [this.sx(this.points[2 * i]), this.sy(this.points[2 * i + 1])]; },
  },
};

function bytes(text) { return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)); }

// A fixed order in which no class covers another.
function shuffled(count) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1, seed = 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Whether a point is in a polygon: a ray from it crosses the edges an odd number of times.
function contains(corners, x, y) {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [ax, ay] = corners[i], [bx, by] = corners[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

function outline(shape, r) {
  const s = 0.88 * r, t = 0.38 * r;
  if (shape === "circle") return `M${r} 0A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0Z`;
  if (shape === "square") return `M${-s} ${-s}H${s}V${s}H${-s}Z`;
  if (shape === "triangle") return `M0 ${-1.15 * r}L${1.1 * r} ${0.8 * r}H${-1.1 * r}Z`;
  if (shape === "diamond") return `M0 ${-1.25 * r}L${1.1 * r} 0L0 ${1.25 * r}L${-1.1 * r} 0Z`;
  return `M${-t} ${-r}H${t}V${-t}H${r}V${t}H${t}V${r}H${-t}V${t}H${-r}V${-t}H${-t}Z`;
}

// A map of photos on one canvas: hover, keys, zoom, lasso. Marks differ in hue and in shape (hues of Okabe and Ito, which
// people with any colour vision distinguish).
const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00"];
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
      wanted: 10, tip: {},
    };
  },
  created() { // large, and not to be watched
    Object.assign(this, {
      points: new Float32Array(0), kinds: new Uint16Array(0), versions: [], chosen: new Uint8Array(0), order: [],
      view: { x: 0, y: 0, scale: 1 }, pointers: new Map(), lasso: null, sprites: [], cells: new Map(), waiting: false,
    });
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.box);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => { this.sprites = []; this.draw(); };
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
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
      this.sprites = [];
      this.paint();
    },
    half() { return Math.max(10, Math.min(this.width, this.height) / 2 - 16); },
    sx(x) { return this.width / 2 + (x - this.view.x) * this.half() * this.view.scale; },
    sy(y) { return this.height / 2 - (y - this.view.y) * this.half() * this.view.scale; },
    dx(sx) { return (sx - this.width / 2) / (this.half() * this.view.scale) + this.view.x; },
    dy(sy) { return (this.height / 2 - sy) / (this.half() * this.view.scale) + this.view.y; },
    hue(place) { return this.unknown && place === this.labels.length - 1 ? "#7a828d" : HUES[place % HUES.length]; },
    path(place) { return outline(SHAPES[place % SHAPES.length], 5.5); },
    sprite(place) {
      if (this.sprites[place]) return this.sprites[place];
      const size = Math.ceil(16 * this.ratio), made = document.createElement("canvas"), style = getComputedStyle(this.$el);
      made.width = made.height = size;
      const pen = made.getContext("2d"), mark = new Path2D(outline(SHAPES[place % SHAPES.length], this.radius()));
      pen.setTransform(this.ratio, 0, 0, this.ratio, size / 2, size / 2);
      pen.fillStyle = this.hue(place);
      pen.strokeStyle = style.getPropertyValue("--card");
      pen.lineWidth = 0.8;
      pen.fill(mark);
      pen.stroke(mark);
      return (this.sprites[place] = made);
    },
    radius() { return this.ids.length > 5000 ? 3.2 : this.ids.length > 800 ? 4.2 : 5.5; },
    draw() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.paint(); });
    },
    paint() {
      const canvas = this.$refs.canvas;
      if (!canvas || !this.width) return;
      const start = performance.now(), pen = canvas.getContext("2d"), style = getComputedStyle(this.$el);
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      const some = this.chosen.some((flag) => flag), size = Math.ceil(16 * this.ratio), shift = size / 2;
      const scale = this.half() * this.view.scale * this.ratio, { points, kinds, hidden, chosen } = this;
      const left = (this.width / 2) * this.ratio - this.view.x * scale - shift, top = (this.height / 2) * this.ratio + this.view.y * scale - shift;
      const marks = this.labels.map((_, place) => this.sprite(place));
      for (const ring of some ? [0, 1] : [0]) {
        pen.globalAlpha = some && !ring ? 0.35 : 1;
        for (const i of this.order) {
          if (hidden[kinds[i]] || (some && chosen[i] !== ring)) continue;
          const x = left + points[2 * i] * scale, y = top - points[2 * i + 1] * scale;
          if (x < -size || y < -size || x > canvas.width || y > canvas.height) continue;
          pen.drawImage(marks[kinds[i]], Math.round(x), Math.round(y));
        }
      }
      pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      pen.globalAlpha = 1;
      if (this.shown >= 0) {
        pen.strokeStyle = style.getPropertyValue("--ink");
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(this.sx(points[2 * this.shown]), this.sy(points[2 * this.shown + 1]), 9, 0, 7);
        pen.stroke();
      }
      if (this.lasso) {
        pen.strokeStyle = style.getPropertyValue("--right");
        pen.fillStyle = pen.strokeStyle;
        pen.lineWidth = 2;
        pen.beginPath();
        this.lasso.forEach(([x, y]) => pen.lineTo(x, y));
        pen.closePath();
        pen.stroke();
        pen.globalAlpha = 0.12;
        pen.fill();
        pen.globalAlpha = 1;
      }
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
      this.draw();
    },
    address(i) { return `/media/thumbnails/${this.ids[i].split("/").map(encodeURIComponent).join("/")}?v=${encodeURIComponent(this.versions[i])}`; },
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
        this.draw();
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
        const inside = (i) => !this.hidden[this.kinds[i]] && contains(corners, this.points[2 * i], this.points[2 * i + 1]);
        this.choose((i) => (event.altKey ? this.chosen[i] && !inside(i) : inside(i) || (event.shiftKey && this.chosen[i])));
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
      const x = this.points[2 * this.focused], y = this.points[2 * this.focused + 1];
      let best = -1, least = Infinity;
      for (let i = 0; i < this.ids.length; i++) {
        if (i === this.focused || this.hidden[this.kinds[i]]) continue;
        const ahead = (this.points[2 * i] - x) * dx + (this.points[2 * i + 1] - y) * dy;
        const aside = Math.abs((this.points[2 * i] - x) * dy + (this.points[2 * i + 1] - y) * dx);
        const copy = !ahead && !aside && (dx || dy) > 0 === i > this.focused; // at the same place: by turns
        if (copy || (ahead > 0 && aside <= ahead)) {
          const distance = copy ? Math.abs(i - this.focused) * 1e-12 : ahead + 2 * aside;
          if (distance < least) [best, least] = [i, distance];
        }
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
      const near = [...this.ids.keys()].filter((i) => !this.hidden[this.kinds[i]]);
      const distance = (i) => (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
      const taken = new Set(near.sort((a, b) => distance(a) - distance(b)).slice(0, count));
      this.choose((i) => this.chosen[i] || taken.has(i));
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

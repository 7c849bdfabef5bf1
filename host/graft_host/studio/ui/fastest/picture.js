// Accuracy over milliseconds: a point per network, the front as steps, and two limits that can be dragged.
const LEFT = 58, TOP = 16, RIGHT = 26, BOTTOM = 46;
const WIDE = 8; // times from the fastest to the slowest network that a scale of equal steps can show
const NEAR = 80; // milliseconds between two messages while a limit is dragged
const SHAPES = [
  "M-5.5,0a5.5,5.5 0 1,0 11,0a5.5,5.5 0 1,0 -11,0Z", "M-5,-5H5V5H-5Z", "M0,-6L6,5H-6Z", "M0,-6.5L6.5,0L0,6.5L-6.5,0Z",
  "M0,6L6,-5H-6Z", "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
];

export default {
  template: `
    <div class="fastest-picture" ref="box">
      <svg :viewBox="'0 0 ' + width + ' ' + height" :width="width" :height="height" role="group" :aria-label="words.picture"
           @pointermove="drag" @pointerup="drop" @pointercancel="drop">
        <g aria-hidden="true">
          <g v-for="tick in ticks.y" :key="'y' + tick">
            <line class="fastest-grid" :x1="left" :x2="right" :y1="y(tick)" :y2="y(tick)"/>
            <text class="fastest-tick" :x="left - 8" :y="y(tick) + 4" text-anchor="end">{{ share(tick) }}</text>
          </g>
          <g v-for="tick in ticks.x" :key="'x' + tick">
            <line class="fastest-grid" :x1="x(tick)" :x2="x(tick)" :y1="top" :y2="bottom"/>
            <text class="fastest-tick" :x="x(tick)" :y="bottom + 18" text-anchor="middle">{{ tick }}</text>
          </g>
          <text class="fastest-axis" :x="(left + right) / 2" :y="height - 8" text-anchor="middle">{{ words.across }}</text>
          <text class="fastest-axis" :x="left" :y="11" text-anchor="start">{{ words.up }}</text>
          <path class="fastest-front" :d="front"/>
        </g>
        <g class="fastest-limit" :class="{off: limits.max_ms === null}" role="slider" tabindex="0" data-limit="max_ms"
           :aria-label="words.max_ms" aria-orientation="horizontal" aria-valuemin="0" :aria-valuemax="round(span.x[1])"
           :aria-valuenow="round(limits.max_ms === null ? span.x[1] : limits.max_ms)"
           :aria-valuetext="limits.max_ms === null ? words.none : round(limits.max_ms) + ' ms'"
           @pointerdown="grab($event, 'max_ms')" @keydown="push($event, 'max_ms')">
          <line :x1="handle.x" :x2="handle.x" :y1="top" :y2="bottom"/>
          <rect class="fastest-hit" :x="handle.x - 12" :y="top - 4" width="24" :height="bottom - top + 4"/>
          <path class="fastest-handle" :d="'M' + (handle.x - 8) + ',' + (top - 4) + 'h16l-8,12Z'"/>
        </g>
        <g class="fastest-limit" :class="{off: limits.min_accuracy === null}" role="slider" tabindex="0" data-limit="min_accuracy"
           :aria-label="words.min_accuracy" aria-orientation="vertical" aria-valuemin="0" aria-valuemax="100"
           :aria-valuenow="round(100 * (limits.min_accuracy === null ? 0 : limits.min_accuracy))"
           :aria-valuetext="limits.min_accuracy === null ? words.none : share(limits.min_accuracy)"
           @pointerdown="grab($event, 'min_accuracy')" @keydown="push($event, 'min_accuracy')">
          <line :x1="left" :x2="right" :y1="handle.y" :y2="handle.y"/>
          <rect class="fastest-hit" :x="left" :y="handle.y - 12" :width="right - left + 4" height="24"/>
          <path class="fastest-handle" :d="'M' + (right + 4) + ',' + (handle.y - 8) + 'v16l-12,-8Z'"/>
        </g>
        <g v-for="each in networks" :key="each.key" class="fastest-point" :class="{front: each.front, missed: each.missed}"
           role="button" :tabindex="each.key === current ? 0 : -1" :aria-label="each.lines.join(', ')" :data-key="each.key"
           :transform="'translate(' + x(each.ms) + ',' + y(each.accuracy) + ')'"
           @click="take(each)" @keydown="key($event, each)" @focus="look(each)" @blur="look(null)"
           @pointerenter="look(each)" @pointerleave="look(null)">
          <circle class="fastest-hit" r="13"/>
          <line class="fastest-error" x1="0" x2="0" :y1="y(Math.min(1, each.accuracy + each.error)) - y(each.accuracy)"
                :y2="y(Math.max(0, each.accuracy - each.error)) - y(each.accuracy)"/>
          <path class="fastest-mark" :d="shape(each.family)"/>
          <circle v-if="each.chosen" class="fastest-ring" r="11"/>
        </g>
        <text v-for="name in names" :key="'n' + name.key" class="fastest-name" aria-hidden="true" :x="name.x" :y="name.y"
              :text-anchor="name.anchor">{{ name.text }}</text>
      </svg>
      <div v-if="seen" class="fastest-words" aria-hidden="true" :style="{left: tip.x + 'px', top: tip.y + 'px'}">
        <div v-for="line in seen.lines" :key="line">{{ line }}</div>
      </div>
    </div>`,
  props: { networks: Array, limits: Object, words: Object },
  data() {
    return { width: 640, height: 400, seen: null, held: null, current: null, moved: null, sent: 0 };
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.box);
    this.measure();
    this.choose();
  },
  unmounted() {
    this.observer.disconnect();
  },
  watch: {
    networks() {
      this.choose();
      if (this.seen) this.seen = this.networks.find((each) => each.key === this.seen.key) || null;
    },
  },
  computed: {
    left() { return LEFT; },
    top() { return TOP + 8; },
    right() { return this.width - RIGHT; },
    bottom() { return this.height - BOTTOM; },
    span() {
      const ms = this.networks.map((each) => each.ms);
      const low = Math.min(...this.networks.map((each) => each.accuracy - each.error), 1);
      const high = Math.max(...this.networks.map((each) => each.accuracy + each.error), 0);
      if (!ms.length) return { x: [0, 10], y: [0, 1], log: false };
      const [fast, slow] = [Math.min(...ms), Math.max(...ms)], log = slow > WIDE * fast;
      const room = Math.max(high - low, 0.02);
      return {
        x: log ? [fast / 1.3, slow * 1.3] : [0, slow * 1.15],
        y: [Math.max(0, low - 0.1 * room), Math.min(1.005, high + 0.06 * room)], log,
      };
    },
    ticks() { return { x: this.span.log ? this.powers() : steps(...this.span.x, this.width / 90), y: steps(...this.span.y, 6) }; },
    front() {
      let d = "", best = -1;
      for (const each of this.networks.filter((one) => one.front)) {
        if (each.accuracy <= best) continue; // on the front for its size
        d += d ? `H${this.x(each.ms)}V${this.y(each.accuracy)}` : `M${this.x(each.ms)},${this.y(each.accuracy)}`;
        best = each.accuracy;
      }
      return d || "M0,0";
    },
    handle() {
      const { max_ms: ms, min_accuracy: least } = this.limits, { x, y } = this.span;
      return {
        x: ms === null ? this.right : this.x(Math.min(Math.max(ms, x[0]), x[1])),
        y: least === null ? this.bottom : this.y(Math.min(Math.max(least, y[0]), y[1])),
      };
    },
    tip() {
      const x = this.x(this.seen.ms), y = this.y(this.seen.accuracy);
      return { x: Math.min(Math.max(x - 90, 0), Math.max(this.width - 230, 0)), y: y < this.height / 2 ? y + 18 : y - 104 };
    },
    names() {
      const taken = this.networks.map((each) => box(this.x(each.ms), this.y(each.accuracy), 7, 7)), shown = [];
      const order = this.networks.filter((each) => each.front || each.chosen).sort((a, b) => b.chosen - a.chosen);
      for (const each of order) {
        const x = this.x(each.ms), y = this.y(each.accuracy), width = 6.6 * each.name.length;
        for (const [dx, dy, anchor] of [[11, 16, "start"], [11, -8, "start"], [-11, 16, "end"], [-11, -8, "end"]]) {
          const start = anchor === "start" ? x + dx : x + dx - width;
          const place = { x0: start, x1: start + width, y0: y + dy - 10, y1: y + dy + 2 };
          if (place.x0 > LEFT && place.x1 < this.right && place.y0 > this.top && place.y1 < this.bottom && !taken.some((other) => meet(place, other))) {
            taken.push(place);
            shown.push({ key: each.key, text: each.name, x: x + dx, y: y + dy, anchor });
            break;
          }
        }
      }
      return shown;
    },
  },
  methods: {
    measure() {
      this.width = Math.max(280, Math.floor(this.$refs.box.clientWidth));
      this.height = Math.round(Math.min(460, Math.max(300, 0.55 * this.width)));
    },
    choose() {
      if (this.networks.some((each) => each.key === this.current)) return;
      const first = this.networks.find((each) => each.chosen) || this.networks[0];
      this.current = first ? first.key : null;
    },
    x(ms) {
      const [low, high] = this.span.x, at = this.span.log ? Math.log(ms / low) / Math.log(high / low) : (ms - low) / (high - low);
      return LEFT + at * (this.right - LEFT);
    },
    y(share) {
      const [low, high] = this.span.y;
      return this.bottom - ((share - low) / (high - low)) * (this.bottom - this.top);
    },
    ms(x) {
      const [low, high] = this.span.x, at = (x - LEFT) / (this.right - LEFT);
      return this.span.log ? low * (high / low) ** at : low + at * (high - low);
    },
    accuracy(y) {
      const [low, high] = this.span.y;
      return low + ((this.bottom - y) / (this.bottom - this.top)) * (high - low);
    },
    powers() {
      const found = [];
      for (let ten = 0.01; ten < 1e6; ten *= 10)
        for (const one of [1, 2, 5]) if (one * ten >= this.span.x[0] && one * ten <= this.span.x[1]) found.push(this.round(one * ten));
      return found;
    },
    round(value) { return Number(value.toPrecision(3)); },
    share(value) { return `${Number((100 * value).toFixed(1))}%`; },
    shape(family) { return SHAPES[family % SHAPES.length]; },
    look(each) { this.seen = each; if (each) this.current = each.key; },
    take(each) { this.$emit("take", each.key); },
    key(event, each) {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.take(each); }
      if (event.key === "Escape") this.seen = null;
      if (!step) return;
      event.preventDefault();
      const place = this.networks.indexOf(each) + step, next = this.networks[(place + this.networks.length) % this.networks.length];
      this.current = next.key;
      this.$nextTick(() => [...this.$refs.box.querySelectorAll(".fastest-point")].find((one) => one.dataset.key === next.key)?.focus());
    },
    grab(event, limit) {
      this.held = limit;
      this.moved = null;
      event.currentTarget.ownerSVGElement.setPointerCapture(event.pointerId);
    },
    drag(event) {
      if (!this.held) return;
      const edge = event.currentTarget.getBoundingClientRect();
      this.propose(this.held, event.clientX - edge.left, event.clientY - edge.top);
      if (Date.now() - this.sent >= NEAR) this.send(false);
    },
    drop() {
      if (this.held && this.moved) this.send(true);
      this.held = null;
    },
    propose(limit, x, y) {
      let value = limit === "max_ms" ? this.ms(x) : this.accuracy(y);
      if (limit === "max_ms" ? x > this.right - 3 : y > this.bottom - 3) value = null;
      else if (limit === "max_ms") value = this.round(Math.max(value, this.ms(LEFT + 1)));
      else value = Number(Math.min(1, Math.max(0.001, value)).toFixed(3));
      this.moved = { ...this.limits, [limit]: value };
    },
    send(final) {
      this.sent = Date.now();
      this.$emit("limits", { ...this.moved, final });
    },
    push(event, limit) {
      const across = limit === "max_ms", step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (event.key === "Home" || event.key === "Delete" || event.key === "End") {
        this.moved = { ...this.limits, [limit]: null };
      } else if (step) {
        const by = 8 * step;
        this.propose(limit, this.handle.x + (across ? by : 0), this.handle.y - (across ? 0 : by));
      } else return;
      event.preventDefault();
      this.send(true);
    },
  },
};

function steps(low, high, wanted) {
  const rough = (high - low) / Math.max(2, wanted), ten = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((one) => one * ten).find((one) => one >= rough), found = [];
  for (let at = Math.ceil(low / size) * size; at <= high + size / 1e6; at += size) found.push(Number(at.toFixed(6)));
  return found;
}

function box(x, y, dx, dy) { return { x0: x - dx, x1: x + dx, y0: y - dy, y1: y + dy }; }

function meet(a, b) { return Math.min(a.x1, b.x1) > Math.max(a.x0, b.x0) && Math.min(a.y1, b.y1) > Math.max(a.y0, b.y0); }

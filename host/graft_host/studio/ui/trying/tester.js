// The camera, photos, and what a model answers. Frames and photos go to the studio one at a time.

import {fillBars} from '/shared/answer.js';
import {Camera} from '/shared/camera.js';
import {asSentence, percent} from '/shared/words.js';
import {send} from '/static/requests.js';
import {address, picture} from '/static/trying/requests.js';
import {drawSpotlight} from '/static/trying/spotlight.js';
import ThisWas from '/static/trying/this_was.js';
import Why from '/static/trying/why.js';

const MOST_PHOTOS = 100;
const SPOKEN_EVERY = 2000; // milliseconds between two answers to frames that a screen reader speaks

export default {
  template: `
    <div class="trying" @dragenter.prevent="depth += 1" @dragleave="depth -= 1" @dragover.prevent @drop.prevent="drop">
      <div class="trying-top">
        <div class="trying-model">
          <label for="trying-model">{{ say('model') }}</label>
          <select id="trying-model" v-model="model" class="trying-select">
            <option v-for="name in models" :key="name" :value="name">{{ name }}</option>
          </select>
        </div>
        <p class="quiet trying-about" v-if="about">{{ about }}</p>
      </div>
      <p class="trying-problem" role="alert" v-if="problem">{{ problem }}</p>
      <div class="trying-columns">
        <section class="studio-card trying-stage" :aria-label="say('picture')">
          <div class="trying-frame" :class="{'trying-dropping': depth > 0}">
            <video ref="video" :aria-label="say('camera_picture')" muted playsinline v-show="on && !shown"></video>
            <img v-if="shown && !shown.broken" ref="image" :src="shown.url" :alt="shown.name" @load="drawSpot" @error="shown.broken = true">
            <canvas v-show="shown && spot" ref="spot" role="img" :aria-label="say('overlay')" :style="{opacity: strength / 100}"></canvas>
            <p class="quiet" v-if="shown && shown.broken">{{ say('no_preview', {name: shown.name}) }}</p>
            <div class="trying-empty" v-if="!on && !shown">
              <p>{{ say('drop') }}</p>
              <p class="quiet">{{ say('formats') }}</p>
            </div>
          </div>
          <div class="trying-tools">
            <q-btn :color="on ? undefined : 'primary'" :aria-pressed="on" icon="photo_camera" :label="say('camera')" @click="toggle"></q-btn>
            <q-btn v-if="on" :aria-pressed="held" icon="pause" :label="say('hold')" @click="hold(!held)"></q-btn>
            <q-btn v-if="several" :label="say('turn')" icon="cameraswitch" @click="open(() => camera.turn())"></q-btn>
            <q-btn icon="image" :label="say('choose')" @click="$refs.file.click()"></q-btn>
            <input ref="file" type="file" accept="image/*" multiple hidden @change="choose">
          </div>
          <ul class="trying-photos" v-if="photos.length" :aria-label="say('photos')">
            <li v-for="photo in photos" :key="photo.id">
              <button type="button" :aria-current="photo === shown" @click="show(photo)">
                <img v-if="!photo.broken" :src="photo.url" alt="" @error="photo.broken = true">
                <span class="trying-photo-name">{{ photo.name }}</span>
                <span v-if="photo.answer" class="trying-photo-answer" :class="{'trying-unknown': photo.answer.unknown}">
                  <bdi>{{ best(photo.answer) }}</bdi> <span>{{ share(photo.answer) }}</span>
                </span>
                <span v-else class="trying-photo-answer quiet">{{ photo.problem || say('waiting') }}</span>
              </button>
            </li>
          </ul>
        </section>
        <div class="trying-side">
          <section class="studio-card" :aria-label="say('answer')">
            <h2>{{ say('answer') }}</h2>
            <p class="quiet" v-if="!answer">{{ say('no_answer') }}</p>
            <div class="answer" v-show="answer" :class="{old}">
              <ol ref="bars" role="list"></ol>
              <p v-if="answer && answer.unknown">{{ remark }}</p>
            </div>
            <p class="quiet trying-ms" v-if="answer">{{ times }}</p>
          </section>
          <this-was :say="say" :photo="shown" :ready="Boolean(answer)" :hold="heldPicture" :model="model" :classes="classes"></this-was>
          <why :say="say" :photo="shown" :ready="Boolean(answer)" :hold="heldPicture" :model="model" :strength="strength"
            :compares="Boolean(description && description.compares)" @strength="strength = $event"></why>
        </div>
      </div>
      <p class="screen-reader" role="status" aria-live="polite">{{ spoken }}</p>
    </div>`,
  components: {ThisWas, Why},
  props: {texts: Object, models: Array, chosen: String, labels: Array},
  emits: ['model'],
  data() {
    return {
      model: this.chosen, description: null, problem: '', on: false, held: false, several: false, depth: 0,
      photos: [], shown: null, answer: null, old: false, spoken: '', spokenAt: 0, strength: 70,
    };
  },
  computed: {
    /** The classes of the photos, and those that the model knows besides. */
    classes() {
      const known = new Set([...this.labels, ...(this.description?.labels ?? [])]);
      known.delete('unknown');
      return [...known].sort((a, b) => a.localeCompare(b));
    },
    spot() {
      const map = this.shown?.why?.map;
      return map && map.place !== 'nowhere' ? map : null;
    },
    about() {
      if (!this.description) return '';
      const {labels, card} = this.description;
      const key = typeof card.accuracy === 'number' ? 'about' : 'about_untested';
      return this.say(key, {count: labels.length, accuracy: percent(card.accuracy ?? 0)});
    },
    remark() {
      if (this.answer.reason === 'novel') return this.say('novel');
      const threshold = this.description?.card.thresholds?.unknown?.score;
      return threshold ? this.say('uncertain_below', {score: percent(threshold)}) : this.say('uncertain');
    },
    times() {
      const {ms, total} = this.answer;
      const shown = (value) => (value < 9.95 ? value.toFixed(1) : Math.round(value).toString());
      return this.say('times', {
        preprocess: shown(ms.preprocess), invoke: shown(ms.invoke), total: shown(total), runtime: this.description?.runtime ?? '',
      });
    },
  },
  watch: {
    model() { this.changeModel(); },
    spot() { this.$nextTick(() => this.drawSpot()); },
    answer(answer) { if (answer) this.$nextTick(() => fillBars(this.$refs.bars, answer, this.say('unknown'))); },
  },
  mounted() {
    this.current = new AbortController();
    this.frame = null; // the last frame that was answered
    this.camera = new Camera(this.$refs.video, (frame) => this.answerFrame(frame), (_, code) => this.cameraEnded(code));
    this.paste = (event) => { if (event.clipboardData.files.length) this.add([...event.clipboardData.files]); };
    document.addEventListener('paste', this.paste);
    this.describe();
  },
  beforeUnmount() {
    document.removeEventListener('paste', this.paste);
    this.camera.stop();
    this.current.abort();
    for (const photo of this.photos) URL.revokeObjectURL(photo.url);
  },
  methods: {
    say(name, values = {}) {
      const text = this.texts[name];
      const chosen = typeof text === 'string' ? text : text[values.count === 1 ? 'one' : 'other'];
      return chosen.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? '');
    },
    best(answer) { return answer.unknown ? this.say('unknown') : answer.predictions[0].label; },
    share(answer) { return answer.unknown ? '' : percent(answer.predictions[0].score); },
    showProblem(error) { if (error.name !== 'AbortError') this.problem = asSentence(error.message); },

    async describe() {
      const name = this.model;
      try {
        const response = await send(address('/try/model', {model: name}), {}, this.say('away'));
        const description = await response.json();
        if (name === this.model) [this.description, this.problem] = [description, ''];
      } catch (error) {
        if (name === this.model) this.showProblem(error);
      }
    },
    changeModel() {
      this.current.abort();
      this.current = new AbortController();
      [this.description, this.problem, this.answer, this.frame] = [null, '', null, null];
      this.$emit('model', this.model);
      const here = new URL(location.href);
      here.searchParams.set('model', this.model);
      history.replaceState(history.state, '', here);
      this.describe();
      for (const photo of [...this.photos, ...(this.shown ? [this.shown] : [])]) [photo.answer, photo.problem, photo.why] = [null, '', null];
      if (this.held && this.shown) this.answerOne(this.shown);
      this.answerPhotos();
    },

    async ask(blob) {
      const start = performance.now();
      const response = await send(address('/try/answer', {model: this.model}), picture(blob, this.current.signal), this.say('away'));
      const answer = await response.json();
      return {...answer, total: performance.now() - start};
    },
    speak(answer, urgent) {
      const text = `${this.best(answer)} ${this.share(answer)}`.trim();
      const now = performance.now();
      if (!urgent && (now - this.spokenAt < SPOKEN_EVERY || this.best(answer) === this.spokenLabel)) return;
      [this.spokenAt, this.spokenLabel, this.spoken] = [now, this.best(answer), text];
    },

    // the camera
    async toggle() {
      if (this.on) this.close();
      else await this.open(() => this.camera.start());
    },
    async open(start) {
      this.problem = '';
      try {
        this.camera.held = false;
        await start();
      } catch (error) {
        this.on = this.camera.on;
        this.problem = error.code ? this.say(`camera_${error.code}`) : error.message;
        return;
      }
      [this.on, this.held, this.shown, this.answer] = [true, false, null, null];
      this.several = await this.camera.count() > 1;
    },
    close() {
      this.camera.stop();
      [this.on, this.several] = [false, false];
      if (this.held) this.hold(false);
      this.frame = null;
      if (!this.shown) this.answer = null;
    },
    cameraEnded(code) {
      this.close();
      this.problem = this.say(`camera_${code}`);
    },
    async answerFrame(frame) {
      try {
        const answer = await this.ask(frame);
        if (!this.on || this.shown) return;
        this.frame = {blob: frame, answer};
        [this.answer, this.old, this.problem] = [answer, false, ''];
        this.speak(answer, false);
      } catch (error) {
        if (error.name === 'AbortError' || !this.on) return;
        if (!this.shown) this.answer = null;
        this.showProblem(error);
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
    },
    /** Keeps the last frame that was answered; false lets the camera go on. */
    hold(held) {
      if (held && !this.frame) return;
      this.camera.held = held;
      this.held = held;
      if (held) {
        const {blob, answer} = this.frame;
        this.show({id: crypto.randomUUID(), name: this.say('camera_picture'), blob, url: URL.createObjectURL(blob), answer, problem: '', broken: false, frame: true, why: null, kept: null});
      } else {
        if (this.shown?.frame) URL.revokeObjectURL(this.shown.url);
        this.shown = null;
        this.frame = null;
        this.answer = null;
      }
    },

    /** The picture that is shown, or the last frame, which is held; null if there is none. */
    heldPicture() {
      if (this.on && !this.held) this.hold(true);
      return this.shown;
    },
    drawSpot() {
      if (this.spot && this.$refs.image?.complete && this.$refs.image.naturalWidth) drawSpotlight(this.$refs.spot, this.$refs.image, this.spot);
    },

    // photos
    drop(event) {
      this.depth = 0;
      this.add([...event.dataTransfer.files]);
    },
    choose() {
      const files = [...this.$refs.file.files];
      this.$refs.file.value = ''; // so that the same photo can be chosen again
      this.add(files);
    },
    add(files) {
      if (!files.length) return;
      if (this.on) this.close();
      for (const photo of this.photos.splice(0)) URL.revokeObjectURL(photo.url);
      this.problem = files.length > MOST_PHOTOS ? this.say('too_many', {count: MOST_PHOTOS}) : '';
      this.photos = files.slice(0, MOST_PHOTOS).map((blob) => ({
        id: crypto.randomUUID(), name: blob.name || this.say('pasted'), blob, url: URL.createObjectURL(blob), answer: null, problem: '', broken: false, frame: false, why: null, kept: null,
      }));
      this.show(this.photos[0]);
      this.answerPhotos();
    },
    show(photo) {
      if (!photo.frame && this.on) this.close();
      this.shown = photo;
      this.answer = photo.answer;
      this.old = false;
      this.problem = photo.problem;
    },
    async answerPhotos() {
      const {signal} = this.current;
      const photos = this.photos;
      for (const photo of photos) {
        if (signal.aborted || photos !== this.photos) return;
        await this.answerOne(photo);
      }
    },
    async answerOne(photo) {
      const {signal} = this.current;
      try {
        const answer = await this.ask(photo.blob);
        photo.answer = answer;
        if (photo === this.shown) {
          this.answer = answer;
          this.speak(answer, true);
        }
      } catch (error) {
        if (error.name === 'AbortError' || signal.aborted) return;
        photo.problem = asSentence(error.message);
        if (photo === this.shown) this.showProblem(error);
      }
    },
  },
};

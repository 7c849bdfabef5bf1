// Why a model answers as it does: where it looked, and the photos that are most alike.

import {asSentence} from '/shared/words.js';
import {thumbnail} from '/static/media.js';
import {address, picture, sendLong} from '/static/trying/requests.js';

export default {
  template: `
    <section class="studio-card">
      <h2>{{ say('why_title') }}</h2>
      <div class="trying-tools trying-why-tools">
        <q-btn icon="search" :label="say('why')" :disable="!ready || running" @click="run"></q-btn>
        <q-btn v-if="running" flat :label="say('cancel')" @click="stop"></q-btn>
      </div>
      <p class="quiet" v-if="!why">{{ say('why_hint') }}</p>
      <div v-else class="trying-why">
        <p class="trying-problem" role="alert" v-if="why.problem">{{ why.problem }}</p>
        <div v-if="running" class="trying-progress">
          <span class="quiet">{{ say(why.stage) }}</span>
          <progress :value="why.done" :max="why.total || 1" :aria-label="say(why.stage)"></progress>
        </div>
        <template v-if="why.map">
          <h3>{{ say('where') }}</h3>
          <p>{{ summary }}</p>
          <div class="trying-strength" v-if="why.map.place !== 'nowhere'">
            <label for="trying-strength">{{ say('strength') }}</label>
            <input id="trying-strength" type="range" min="0" max="100" step="5" :value="strength" @input="$emit('strength', Number($event.target.value))">
          </div>
        </template>
        <template v-if="why.near">
          <h3>{{ say('alike') }}</h3>
          <p v-if="!why.near.length" class="quiet">{{ say('none_alike') }}</p>
          <ul class="trying-near" v-else>
            <li v-for="photo in why.near" :key="photo.id">
              <a :href="'/?photo=' + encodeURIComponent(photo.id)">
                <img :src="thumbnail(photo.id, photo.version)" alt="" width="96" height="96" loading="lazy">
                <bdi>{{ photo.label }}</bdi>
                <span>{{ say('alike_share', {share: Math.round(100 * photo.likeness)}) }}</span>
              </a>
            </li>
          </ul>
          <p class="quiet trying-small" v-if="why.near.length">{{ say('alike_meaning') }}</p>
        </template>
      </div>
      <p class="screen-reader" role="status" aria-live="polite">{{ why && why.map && !running ? summary : '' }}</p>
    </section>`,
  props: {say: Function, photo: Object, ready: Boolean, hold: Function, model: String, compares: Boolean, strength: Number},
  emits: ['strength'],
  computed: {
    why() { return this.photo?.why; },
    running() { return Boolean(this.why?.stage); },
    summary() { return this.say(`place_${this.why.map.place}`, {label: this.why.map.label}); },
  },
  beforeUnmount() { this.request?.abort(); },
  methods: {
    thumbnail,
    stop() { this.request.abort(); },
    async run() {
      const photo = this.hold();
      if (!photo) return;
      this.request?.abort();
      const request = this.request = new AbortController();
      photo.why = {stage: 'stage_alike', done: 0, total: 0, near: null, map: null, problem: ''};
      const {why, blob} = photo; // the object that the page watches
      const ask = (path, stage) => {
        Object.assign(why, {stage, done: 0, total: 0});
        const progress = (done, total) => Object.assign(why, {done, total});
        return sendLong(address(`/try/${path}`, {model: this.model}), picture(blob, request.signal), this.say('away'), progress);
      };
      try {
        if (this.compares) why.near = await ask('nearest', 'stage_alike');
        why.map = await ask('places', 'stage_where');
      } catch (error) {
        if (error.name !== 'AbortError') why.problem = asSentence(error.message);
      } finally {
        why.stage = '';
      }
    },
  },
};

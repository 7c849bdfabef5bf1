// Adds a picture to the photos of the class that a person says it is of.

import {asSentence} from '/shared/words.js';
import {send} from '/static/requests.js';
import {address, picture} from '/static/trying/requests.js';

const UNKNOWN = 'unknown';
const NEW = '\0new'; // no class can be called this

export default {
  template: `
    <section class="studio-card">
      <h2>{{ say('this_was_title') }}</h2>
      <p class="quiet">{{ say('this_was_hint') }}</p>
      <div class="trying-teach">
        <label class="screen-reader" for="trying-was">{{ say('this_was') }}</label>
        <select id="trying-was" class="trying-select" v-model="chosen" :disabled="!ready" @change="hold">
          <option value="" disabled>{{ say('choose_class') }}</option>
          <option v-for="label in classes" :key="label" :value="label">{{ label }}</option>
          <option :value="unknown">{{ say('none_of_them') }}</option>
          <option :value="fresh">{{ say('new_class') }}</option>
        </select>
        <template v-if="chosen === fresh">
          <label class="screen-reader" for="trying-new">{{ say('new_name') }}</label>
          <input id="trying-new" class="trying-select" type="text" v-model.trim="name" maxlength="100" :placeholder="say('new_name')" @keydown.enter="add">
        </template>
        <q-btn color="primary" icon="add" :label="say('add')" :disable="!ready || !label || busy" @click="add"></q-btn>
      </div>
      <div role="status" class="trying-kept" v-if="photo && photo.kept">
        <span>{{ photo.kept.text }}</span>
        <q-btn v-if="photo.kept.id" flat dense icon="undo" :label="say('undo')" @click="takeBack"></q-btn>
      </div>
      <p class="trying-problem" role="alert" v-if="problem">{{ problem }}</p>
    </section>`,
  props: {say: Function, photo: Object, ready: Boolean, hold: Function, model: String, classes: Array},
  data: () => ({chosen: '', name: '', busy: false, problem: '', unknown: UNKNOWN, fresh: NEW}),
  computed: {
    label() { return this.chosen === NEW ? this.name : this.chosen; },
  },
  watch: {
    photo() { this.problem = ''; },
  },
  methods: {
    async add() {
      const {label} = this;
      const photo = label && !this.busy ? this.hold() : null;
      if (!photo) return;
      const shown = label === UNKNOWN ? this.say('none_of_them') : label;
      await this.attempt(async () => {
        const values = {model: this.model, label, name: photo.frame ? '' : photo.name};
        const response = await send(address('/try/keep', values), {...picture(photo.blob)}, this.say('away'));
        const {id} = await response.json();
        photo.kept = {id, text: this.say(id ? 'added' : 'had_it', {label: shown})};
        if (this.chosen === NEW) [this.chosen, this.name] = [label, ''];
      });
    },
    async takeBack() {
      const {photo} = this;
      await this.attempt(async () => {
        await send(address('/try/take-back', {id: photo.kept.id}), {method: 'POST'}, this.say('away'));
        photo.kept = {id: null, text: this.say('taken_back')};
      });
    },
    async attempt(act) {
      [this.busy, this.problem] = [true, ''];
      try {
        await act();
      } catch (error) {
        this.problem = asSentence(error.message);
      } finally {
        this.busy = false;
      }
    },
  },
};

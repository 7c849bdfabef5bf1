// Shows answers, latency and the model card on the page. Labels are inserted as text, never as markup.

import {fillBars, reason} from './shared/answer.js';
import {showCard, threshold} from './shared/card.js';
import {asSentence, element} from './shared/words.js';

const at = (id) => document.getElementById(id);

const ms = (value) => `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} ms`;

/** Shows the model's answer; a photo that scores below the threshold of `model` is called unknown. */
export function showAnswer(answer, model) {
  fillBars(at('bars'), answer);
  at('remark').hidden = !answer.unknown;
  at('remark').textContent = `${reason(answer, threshold(model?.card))}.`;
  at('answer').classList.remove('old');
  at('answer').hidden = false;
  at('no-answer').hidden = true;
}

/** Dims the answer for the previous photo. */
export function ageAnswer() {
  at('answer').classList.add('old');
}

/** Removes the answer and the latency, as before the first photo. */
export function clearAnswer() {
  for (const name of ['answer', 'latency']) {
    at(name).hidden = true;
    at(`no-${name}`).hidden = false;
  }
}

/** Offers photos to click: `photos` are files with the label that each should get; `choose` is called with one. */
export function showSamples(photos, choose) {
  at('sample-list').replaceChildren(...photos.map(({file, label}) => {
    const button = element('button');
    button.type = 'button';
    button.title = label;
    button.onclick = () => choose(file);
    const image = new Image();
    image.alt = `Sample photo: ${label}`;
    image.src = URL.createObjectURL(file);
    button.append(image);
    const item = element('li');
    item.append(button);
    return item;
  }));
  at('samples').hidden = photos.length === 0;
}

/** Shows how long each step took, in milliseconds; `rate` is photos per second, or 0 for a single photo. */
export function showLatency({total, network, queue, preprocess, invoke}, rate) {
  at('no-latency').hidden = true;
  at('latency').hidden = false;
  at('total').textContent = ms(total);
  at('rate').textContent = rate ? `${rate.toFixed(1)} photos per second` : 'round trip';
  for (const [name, value] of Object.entries({network, queue, preprocess, invoke})) {
    at(name).textContent = ms(value);
    document.querySelector(`.split .${name}`).style.flexGrow = String(value);
  }
}

/** Shows the model card. */
export function showModel(model) {
  const name = model.model.replace(/\.tflite$/, '');
  const {card, labels} = model;
  document.title = `${name} – graftkit`;
  at('name').textContent = name;
  at('labels').textContent = labels.length === 1 ? labels[0] : `${labels.length} classes: ${labels.join(', ')}`;
  at('limit').textContent = `, up to ${model.limits.bytes / 1e6} MB`;
  at('version').textContent = `graftkit ${model.version}`;
  showCard(at('model'), card, labels, {
    Size: model.bytes < 1e5 ? `${(model.bytes / 1e3).toFixed(1)} kB` : `${(model.bytes / 1e6).toFixed(1)} MB`,
    Runtime: `${model.runtime}, ${model.threads} ${model.threads === 1 ? 'thread' : 'threads'}`,
  });
  at('model').hidden = false;
  at('no-model').hidden = true;
}

/** Shows an error message, or none if the text is empty. */
export function showProblem(text) {
  at('problem').hidden = !text;
  at('problem').textContent = asSentence(text);
}

let lastSpoken = 0;

/** Lets a screen reader speak a text, at most every two seconds unless it is `urgent`. */
export function say(text, urgent) {
  const now = performance.now();
  if (!urgent && (now - lastSpoken < 2000 || at('spoken').textContent.split(',')[0] === text.split(',')[0])) return;
  lastSpoken = now;
  at('spoken').textContent = text;
}

// An answer of the model as bars and as a sentence.

import {element, percent} from './words.js';

/** Shows an answer's labels as bars in the `ol` of an element of class `answer`; an unknown one begins with the given word. */
export function fillBars(list, answer, unknown = 'Unknown') {
  const rows = answer.predictions.map((prediction) => [prediction, false]);
  if (answer.unknown) rows.unshift([{label: unknown, score: 0}, true]);
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([prediction, first], index) => fill(list.children[index] ?? list.appendChild(row()), prediction, first));
  list.parentElement.classList.toggle('unknown', answer.unknown);
}

/** Why a photo is unknown, as the beginning of a sentence; `threshold` is the score that a label needs, or 0. */
export function reason(answer, threshold) {
  if (answer.reason === 'novel') return 'Unlike anything it was trained on';
  return `No label is certain enough${threshold ? `: ${percent(threshold)} is needed` : ''}`;
}

/** The answer as a sentence for screen readers. */
export function sentence(answer) {
  const [first] = answer.predictions;
  if (answer.unknown) return `Unknown, ${reason(answer, 0).toLowerCase()}; the nearest label is ${first.label}, ${percent(first.score)}`;
  return `${first.label}, ${percent(first.score)}`;
}

function row() {
  const item = element('li');
  const line = element('div', undefined, 'row');
  line.append(element('bdi'), element('span'));
  const track = element('span', undefined, 'track');
  track.ariaHidden = 'true';
  track.append(element('i'));
  item.append(line, track);
  return item;
}

function fill(item, prediction, unknown) {
  item.className = unknown ? 'unknown' : '';
  item.querySelector('bdi').textContent = prediction.label;
  item.querySelector('.row span').textContent = percent(prediction.score);
  item.querySelector('i').style.width = `${100 * prediction.score}%`;
}

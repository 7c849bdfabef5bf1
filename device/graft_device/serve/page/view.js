// Shows answers, latency and the model card on the page. Labels are inserted as text, never as markup.

const at = (id) => document.getElementById(id);
const SHOWN_LABELS = 12;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** A share as a percentage with one decimal; only 1 is shown as 100% and only 0 as 0%. */
export function percent(share) {
  const shown = `${(100 * share).toFixed(1)}%`;
  if (shown === '100.0%') return share >= 1 ? '100%' : 'over 99.9%';
  if (shown === '0.0%') return share <= 0 ? '0%' : 'under 0.1%';
  return shown;
}

const ms = (value) => `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} ms`;

/** Shows the model's answer; a photo that scores below `threshold` is called unknown. */
export function showAnswer(answer, threshold) {
  const rows = answer.predictions.map((prediction) => [prediction, false]);
  if (answer.unknown) rows.unshift([{label: 'Unknown', score: 0}, true]);
  const list = at('bars');
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([prediction, unknown], index) => fill(list.children[index] ?? list.appendChild(row()), prediction, unknown));
  at('remark').hidden = !answer.unknown;
  at('remark').textContent = `${reason(answer, threshold)}.`;
  at('answer').classList.toggle('unknown', answer.unknown);
  at('answer').classList.remove('old');
  at('answer').hidden = false;
  at('no-answer').hidden = true;
}

/** Why a photo is unknown, as the beginning of a sentence. */
function reason(answer, threshold) {
  if (answer.reason === 'novel') return 'Unlike anything it was trained on';
  return `No label is certain enough${threshold ? `: ${percent(threshold)} is needed` : ''}`;
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

/** The answer as a sentence for screen readers. */
export function sentence(answer) {
  const [first] = answer.predictions;
  if (answer.unknown) return `Unknown, ${reason(answer, 0).toLowerCase()}; the nearest label is ${first.label}, ${percent(first.score)}`;
  return `${first.label}, ${percent(first.score)}`;
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
  const accuracy = card.training?.accuracy?.shipped;
  const photos = card.training?.photos;
  const rows = {
    Labels: labelList(labels),
    Accuracy: typeof accuracy === 'number' ? `${percent(accuracy)}${photos?.test ? ` on ${photos.test} test photos` : ' on its test photos'}` : 'not measured',
    'Trained on': photos?.train ? `${photos.train.toLocaleString('en')} photos` : null,
    Network: capital(String(card.backbone?.name ?? 'unnamed').replaceAll('_', ' ')),
    Tap: card.tap,
    Input: `${card.image_size} × ${card.image_size} pixels`,
    Numbers: card.quantization,
    Unknown: threshold(model) ? `below a score of ${percent(threshold(model))}` : 'never',
    Size: model.bytes < 1e5 ? `${(model.bytes / 1e3).toFixed(1)} kB` : `${(model.bytes / 1e6).toFixed(1)} MB`,
    Runtime: `${model.runtime}, ${model.threads} ${model.threads === 1 ? 'thread' : 'threads'}`,
  };
  at('model').replaceChildren(...Object.entries(rows).filter(([, value]) => value !== null).map(fact));
  at('model').hidden = false;
  at('no-model').hidden = true;
}

/** The score below which a photo is called unknown; 0 if the model has no such threshold. */
export function threshold(model) {
  const score = model?.card.thresholds?.unknown?.score;
  return typeof score === 'number' ? score : 0;
}

function fact([term, value]) {
  const row = element('div');
  const description = element('dd');
  description.append(value);
  row.append(element('dt', term), description);
  return row;
}

function labelList(labels) {
  if (labels.length <= SHOWN_LABELS) return labels.join(', ');
  const details = element('details');
  details.append(element('summary', `${labels.length} labels`), labels.join(', '));
  return details;
}

/** Shows an error message, or none if the text is empty. */
export function showProblem(text) {
  at('problem').hidden = !text;
  at('problem').textContent = text && capital(text) + (/[.?!]$/.test(text) ? '' : '.');
}

let lastSpoken = 0;

/** Lets a screen reader speak a text, at most every two seconds unless it is `urgent`. */
export function say(text, urgent) {
  const now = performance.now();
  if (!urgent && (now - lastSpoken < 2000 || at('spoken').textContent.split(',')[0] === text.split(',')[0])) return;
  lastSpoken = now;
  at('spoken').textContent = text;
}

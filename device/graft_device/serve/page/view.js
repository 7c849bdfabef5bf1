// Puts answers, latency and the model card on the page. Labels are text, never markup.

const at = (id) => document.getElementById(id);
const SHOWN_LABELS = 12;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

/** A share to a tenth of a percent; only all is 100% and only none is 0%. */
export function percent(share) {
  const shown = `${(100 * share).toFixed(1)}%`;
  if (shown === '100.0%') return share >= 1 ? '100%' : 'over 99.9%';
  if (shown === '0.0%') return share <= 0 ? '0%' : 'under 0.1%';
  return shown;
}

const ms = (value) => `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} ms`;

/** Shows what the model said; `threshold` is the score below which it calls a photo unknown. */
export function showAnswer(answer, threshold) {
  const rows = answer.predictions.map((prediction, index) => [prediction, answer.unknown && index === 0]);
  const list = at('bars');
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([prediction, unknown], index) => fill(list.children[index] ?? list.appendChild(row()), prediction, unknown));
  at('remark').hidden = !answer.unknown;
  at('remark').textContent = `No label is certain enough${threshold ? `: ${percent(threshold)} is needed` : ''}.`;
  at('answer').classList.remove('old');
  at('answer').hidden = false;
}

function row() {
  const made = element('li');
  const line = element('div', undefined, 'row');
  line.append(element('bdi'), element('span'));
  const track = element('span', undefined, 'track');
  track.ariaHidden = 'true';
  track.append(element('i'));
  made.append(line, track);
  return made;
}

function fill(made, prediction, unknown) {
  made.className = unknown ? 'unknown' : '';
  made.querySelector('bdi').textContent = unknown ? 'Unknown' : prediction.label;
  made.querySelector('.row span').textContent = percent(prediction.score);
  made.querySelector('i').style.width = `${100 * prediction.score}%`;
}

/** Dims the answer of the photo before, or takes it away. */
export function ageAnswer(gone) {
  at('answer').classList.add('old');
  if (gone) at('answer').hidden = true;
}

/** The answer in a sentence, for those who listen. */
export function sentence(answer) {
  const [first, second] = answer.predictions;
  if (answer.unknown) return second ? `Unknown; closest is ${second.label}, ${percent(second.score)}` : 'Unknown';
  return `${first.label}, ${percent(first.score)}`;
}

/** Shows where the time went; `rate` is photos a second, or 0 for a single photo. */
export function showLatency({total, network, queue, preprocess, invoke}, rate) {
  at('no-latency').hidden = true;
  at('latency').hidden = false;
  at('total').textContent = ms(total);
  at('rate').textContent = rate ? `${rate.toFixed(1)} photos a second` : 'round trip';
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
  at('labels').textContent = labels.length === 1 ? labels[0] : `Tells apart ${labels.length} classes: ${labels.join(', ')}`;
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
    Unknown: threshold(model) ? `said below a score of ${percent(threshold(model))}` : 'never said',
    Size: model.bytes < 1e5 ? `${(model.bytes / 1e3).toFixed(1)} kB` : `${(model.bytes / 1e6).toFixed(1)} MB`,
    Runtime: `${model.runtime}, ${model.threads} ${model.threads === 1 ? 'thread' : 'threads'}`,
  };
  at('model').replaceChildren(...Object.entries(rows).filter(([, value]) => value !== null).map(fact));
  at('model').hidden = false;
  at('no-model').hidden = true;
}

/** The score below which a photo is called unknown; 0 where there is none. */
export function threshold(model) {
  const score = model?.card.thresholds?.unknown?.score;
  return typeof score === 'number' ? score : 0;
}

function fact([term, value]) {
  const made = element('div');
  const shown = element('dd');
  shown.append(value);
  made.append(element('dt', term), shown);
  return made;
}

function labelList(labels) {
  if (labels.length <= SHOWN_LABELS) return labels.join(', ');
  const made = element('details');
  made.append(element('summary', `${labels.length} labels`), labels.join(', '));
  return made;
}

/** Shows what went wrong, or with '' nothing. */
export function showProblem(text) {
  at('problem').hidden = !text;
  at('problem').textContent = text && capital(text) + (/[.?!]$/.test(text) ? '' : '.');
}

let lastSaid = 0;

/** Has a screen reader say something, at the most every two seconds unless it is `urgent`. */
export function say(text, urgent) {
  const now = performance.now();
  if (!urgent && (now - lastSaid < 2000 || at('said').textContent.split(',')[0] === text.split(',')[0])) return;
  lastSaid = now;
  at('said').textContent = text;
}

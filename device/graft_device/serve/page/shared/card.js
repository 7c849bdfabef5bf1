// The model card as rows of a description list.

import {capital, element, fact, percent} from './words.js';

const SHOWN_LABELS = 12;

/** The score below which a photo is called unknown; 0 if the card has no such threshold. */
export function threshold(card) {
  const score = card?.thresholds?.unknown?.score;
  return typeof score === 'number' ? score : 0;
}

/** Shows a card in a `dl`; `more` are further rows by their terms. */
export function showCard(list, card, labels, more) {
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
    Unknown: threshold(card) ? `below a score of ${percent(threshold(card))}` : 'never',
    ...more,
  };
  list.replaceChildren(...Object.entries(rows).filter(([, value]) => value !== null).map(([term, value]) => fact(term, value)));
}

function labelList(labels) {
  if (labels.length <= SHOWN_LABELS) return labels.join(', ');
  const details = element('details');
  details.append(element('summary', `${labels.length} labels`), labels.join(', '));
  return details;
}

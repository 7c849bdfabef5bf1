// Times of the board, which are UTC, in the viewer's time zone.

const UNITS = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
const DAY_MS = 86_400_000;
const HOURS = new Intl.DateTimeFormat().resolvedOptions().locale;

/** The time of day, such as 14:03:12. */
export function clock(time, seconds = true) {
  const shape = {hour: '2-digit', minute: '2-digit', ...(seconds ? {second: '2-digit'} : {})};
  return new Date(time).toLocaleTimeString(HOURS, shape);
}

/** The day as a heading. */
export function day(time, now = new Date()) {
  const date = new Date(time);
  const ago = Math.round((midnight(now) - midnight(date)) / DAY_MS);
  if (ago === 0) return 'Today';
  if (ago === 1) return 'Yesterday';
  const year = date.getFullYear() === now.getFullYear() ? {} : {year: 'numeric'};
  return date.toLocaleDateString('en-GB', {weekday: 'long', day: 'numeric', month: 'long', ...year});
}

/** The same for all times of one day of the viewer. */
export const dayKey = (time) => String(midnight(new Date(time)));

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** Day and time, for what may be on any day. */
export const moment = (time) => `${day(time)}, ${clock(time)}`;

/** How long something lasted, in its largest units, two at most. */
export function lasted(seconds, units = 2) {
  const whole = Math.round(seconds);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  const first = UNITS.findIndex(([size]) => whole >= size);
  const [[large, name], [small, rest]] = UNITS.slice(first);
  const more = units > 1 ? Math.floor((whole % large) / small) : 0;
  return `${Math.floor(whole / large)} ${name}${more ? ` ${more} ${rest}` : ''}`;
}

/** What a field of type `datetime-local` holds, as UTC; empty if it is empty. */
export const utc = (local) => (local ? new Date(local).toISOString() : '');

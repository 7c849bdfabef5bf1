// What this browser remembers of the camera's settings: in a cookie, since each start has another port and so another storage.

const NAME = 'graft-studio-camera';
const YEAR_S = 365 * 24 * 3600;

/** The settings that were chosen last; those of `usual` that were not. */
export function remembered(usual) {
  try {
    const line = document.cookie.split('; ').find((one) => one.startsWith(`${NAME}=`)) ?? '';
    const kept = JSON.parse(decodeURIComponent(line.slice(NAME.length + 1)) || '{}');
    const known = Object.entries(kept).filter(([key, value]) => typeof value === typeof usual[key]);
    return {...usual, ...Object.fromEntries(known)};
  } catch {
    return usual;
  }
}

export function remember(settings) {
  try {
    document.cookie = `${NAME}=${encodeURIComponent(JSON.stringify(settings))}; path=/; max-age=${YEAR_S}; samesite=strict`;
  } catch { /* they hold until the page is closed */ }
}

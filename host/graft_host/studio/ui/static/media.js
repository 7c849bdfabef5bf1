// Where the studio serves photos.

/** The address of a photo's thumbnail. */
export const thumbnail = (id, version) => address('thumbnails', id, version);

/** The address of a photo. */
export const photo = (id, version) => address('photos', id, version);

const address = (kind, id, version) => `/media/${kind}/${id.split('/').map(encodeURIComponent).join('/')}?v=${encodeURIComponent(version)}`;

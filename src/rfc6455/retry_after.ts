/**
 * `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
 *
 * @module
 */

const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
const imfDate =
  /^[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$/;

/** Milliseconds of an IMF-fixdate (RFC 9110, section 5.6.7) since the epoch, or `undefined`. */
function dateMs(text: string): number | undefined {
  const parts = imfDate.exec(text);
  if (!parts) return undefined;
  const at = months.indexOf(parts[2]!);
  if (at < 0 || at % 3 !== 0) return undefined;
  const [day, year] = [Number(parts[1]), Number(parts[3])];
  const [hour, minute, second] = [Number(parts[4]), Number(parts[5]), Number(parts[6])];
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  // Days from 1970-01-01 in the Gregorian calendar, with years that begin in March so that the leap day is the last.
  const month = at / 3 + 1;
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * m + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
}

/**
 * How long the server asks to wait, in milliseconds.
 *
 * @param value The field's value, if there is one.
 * @param wallNowMs Time of day, for a date.
 * @returns `undefined` if there is no value or it is malformed; zero for a date in the past.
 */
export function retryAfterMs(value: string | undefined, wallNowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^[0-9]{1,12}$/.test(value)) return Number(value) * 1000;
  const date = dateMs(value);
  return date === undefined ? undefined : Math.max(0, date - wallNowMs);
}

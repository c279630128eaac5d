// The words for what tables and the API say in codes: include/records/vocabulary.py.

import { make } from "./page.js";
import { CAUSES, GRADES, ROW_STATES, SOFT_FLAGS, STATES, VERDICTS } from "./vocabulary.js";

const BY_CODE = new Map([CAUSES, SOFT_FLAGS, STATES, GRADES, VERDICTS, ROW_STATES].flat().map(
  (word) => [word.code, word]));

/** How a code is shown; an unknown one as it is. */
export function wordsOf(code) {
  return BY_CODE.get(code)?.words ?? code;
}

/** The same with its meaning. */
export function explained(code) {
  const word = BY_CODE.get(code);
  return word ? `${word.words}: ${word.meaning}` : code;
}

/** Codes separated by commas, in words; pointing at them tells what they mean. */
export function shownCodes(codes) {
  return codes.split(",").filter(Boolean).flatMap((code, place) => [
    place ? ", " : "", make("span", { title: explained(code) }, wordsOf(code))]);
}

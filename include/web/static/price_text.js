// How prices and amounts are written for people; include/records/shown_numbers.py does the same.

const DIGITS = 8;

/** A decimal string with eight significant digits: 61,593.345 or 0.00000812. */
export function priceText(text) {
  const [, sign, whole, rest = ""] = text.match(/^(-?)(\d+)(?:\.(\d*))?$/);
  // Whole numbers of the last decimal: exact, and of any length.
  let number = BigInt(whole + rest);
  const surplus = Math.min(rest.length, Math.max(0, String(number).length - DIGITS));
  const step = 10n ** BigInt(surplus);
  // A half is rounded away from zero.
  number = (2n * number + step) / (2n * step);
  const places = rest.length - surplus;
  const digits = String(number).padStart(places + 1, "0");
  const decimals = digits.slice(digits.length - places).replace(/0+$/, "");
  const shown = apart(digits.slice(0, digits.length - places)) + (decimals && `.${decimals}`);
  return number ? sign + shown : "0";
}

/** A decimal string with thousands separators, its digits untouched. */
export function exactText(text) {
  const [whole, rest] = text.split(".");
  return rest === undefined ? apart(whole) : `${apart(whole)}.${rest}`;
}

function apart(whole) {
  return whole.replace(/\B(?=(\d{3})+$)/g, ",");
}

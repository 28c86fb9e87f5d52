const JSON_TYPE = /^application\/json[ \t]*(?:;(.*))?$/i;
const UTF8_PARAMETERS = /^[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*;?[ \t]*$/i;

/** Whether a Content-Type is application/json in UTF-8 (RFC 8259, section 8.1). Absent is not: a cross-site form sends that. */
export function isJsonContentType(value: string | null): boolean {
  if (value === "application/json") return true;
  const match = value === null ? null : JSON_TYPE.exec(value.trim());
  if (match === null) return false;
  const parameters = match[1];
  return parameters === undefined || parameters.trim() === "" || UTF8_PARAMETERS.test(parameters);
}

/**
 * Whether an Accept field takes a content type (RFC 9110, section 12.5.1). An absent field takes everything, and so do
 * clients that send `*∕*`, as most HTTP libraries do by themselves; a weight of 0 takes nothing.
 */
export function accepts(value: string | null, type: string, subtype: string): boolean {
  if (value === null || value.trim() === "") return true;
  return value.split(",").some((range) => {
    const [media = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (media !== "*/*" && media !== `${type}/*` && media !== `${type}/${subtype}`) return false;
    return !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
  });
}

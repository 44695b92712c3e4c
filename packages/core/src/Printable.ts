/**
 * Texts of strangers, made fit for a terminal or a log.
 *
 * @example
 * import { Printable } from "@effect-tilia/core"
 *
 * Printable.make("no such \u001b[31mclient\u202e") // "no such  [31mclient "
 *
 * @since 0.1.0
 */

// Control, format, private and unpaired characters, and the separators of lines and paragraphs.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu

/**
 * The text with a space in place of each run of characters that steer a terminal, hide or reorder other characters, or
 * break a line.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (text: string): string => text.replace(unprintable, " ")

/*
 * The API reference, made from the comments of the public modules: one page for each module, named as the module is
 * imported. An export without a text is an error.
 */
import { Converter, ReflectionKind } from "typedoc"

export const load = (app) => {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return
    // `core/src/TokenSource` is imported as `@effect-tilia/core/TokenSource`.
    reflection.name = reflection.name.replace("/src/", "/")
    // A module's comment is the first one of its file, before the imports.
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]
    reflection.comment = context.getNodeComment(file.statements[0], false)
  })
}

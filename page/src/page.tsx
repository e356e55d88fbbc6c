/** The page of a document that stands in it. */
import { follow } from "./address";
import { embedded } from "./documents";
import { shownAs, type Document } from "./show";
import { start } from "./start";

start(shownAs(await embedded<Document>()));
follow();

/** The page of a document, whichever it is. */
import type { ComponentChild } from "preact";
import { follow } from "./address";
import { embedded, type Report } from "./documents";
import { ReportPage, storeOf } from "./ReportPage";
import { ReportsPage, storesOf } from "./ReportsPage";
import { start } from "./start";

type Document = Report | { schema: string; reports: Report[] };

function shownAs(document: Document): ComponentChild {
  if ("reports" in document) return <ReportsPage stores={storesOf(document.reports)} />;
  return <ReportPage store={storeOf(document)} />;
}

start(shownAs(await embedded<Document>()));
follow();

/** The page of a document, whichever it is. */
import type { ComponentChild } from "preact";
import { follow } from "./address";
import { AuditPage, AuditsPage, auditStore } from "./AuditPage";
import { ComparePage, compareStore } from "./ComparePage";
import { embedded, type Audit, type Comparison, type Report } from "./documents";
import { ReportPage, storeOf } from "./ReportPage";
import { ReportsPage, storesOf } from "./ReportsPage";
import { start } from "./start";

export type Document = Report | { reports: Report[] } | Comparison | Audit | { audits: Audit[] };

export function shownAs(document: Document): ComponentChild {
  if ("reports" in document) return <ReportsPage stores={storesOf(document.reports)} />;
  if ("audits" in document) return <AuditsPage stores={document.audits.map(auditStore)} />;
  if ("pairs" in document) return <ComparePage store={compareStore(document)} />;
  if ("judgements" in document) return <AuditPage store={auditStore(document)} />;
  return <ReportPage store={storeOf(document)} />;
}

start(shownAs(await embedded<Document>()));
follow();

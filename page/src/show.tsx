/** Which page shows a document: by what is in it. */
import type { ComponentChild } from "preact";
import { AuditPage, AuditsPage } from "./AuditPage";
import { auditStore } from "./auditStore";
import { ComparePage } from "./ComparePage";
import { compareStore } from "./compareStore";
import type { Audit, Comparison, Report } from "./documents";
import { ReportPage } from "./ReportPage";
import { storeOf } from "./reportStore";
import { ReportsPage, storesOf } from "./ReportsPage";

export type Document = Report | { reports: Report[] } | Comparison | Audit | { audits: Audit[] };

export function shownAs(document: Document): ComponentChild {
  if ("reports" in document) return <ReportsPage stores={storesOf(document.reports)} />;
  if ("audits" in document) return <AuditsPage stores={document.audits.map(auditStore)} />;
  if ("pairs" in document) return <ComparePage store={compareStore(document)} />;
  if ("judgements" in document) return <AuditPage store={auditStore(document)} />;
  return <ReportPage store={storeOf(document)} />;
}

// SPDX-License-Identifier: Apache-2.0

// Searches people in a page, and shows each as soon as Pronto finds them. The button
// cuts the connection; a click on it again resumes behind the last person shown.
import { type JobStream, ProntoError, connect } from "pronto-grpc/web";
import { JobOutcome } from "pronto-grpc/v1";

const server = new URLSearchParams(location.search).get("server") ?? "http://localhost:50051";
const pronto = connect({ baseUrl: server });

const form = element("form", HTMLFormElement);
const cut = element("#cut", HTMLButtonElement);
const status = element("[role=status]", HTMLElement);
const list = element("ol", HTMLOListElement);

/** What is shown now. A page could keep these two in its storage, and survive a reload. */
let jobId = "";
let shown = 0n;
let stream: JobStream | undefined;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void search(new FormData(form)).catch(complain);
});
cut.addEventListener("click", () => {
  void (stream ? stream.close() : show()).catch(complain);
});

async function search(fields: FormData): Promise<void> {
  await stream?.close();
  list.replaceChildren();
  const start = await pronto.leads.startLeadSearch({
    filters: { jobTitles: fields.getAll("title").filter((title) => typeof title === "string") },
    limit: Number(fields.get("limit")),
    requestId: crypto.randomUUID(),
  });
  jobId = start.job?.id ?? "";
  shown = 0n;
  await show();
}

/** Shows what comes behind the last event shown, until the end or a cut. */
async function show(): Promise<void> {
  const events = pronto.follow(jobId, { after: shown });
  stream = events;
  cut.disabled = false;
  cut.textContent = "Cut the connection";
  status.textContent = "Searching ...";
  for await (const { event, sequence } of events) {
    shown = sequence;
    if (event.case === "lead") add(event.value.lead?.fullName ?? "?", event.value.lead?.title);
  }
  if (stream !== events) return;
  stream = undefined;
  if (events.account) finish(JobOutcome[events.account.outcome], events.account.counts?.delivered);
  else pause();
}

function add(name: string, title = ""): void {
  const item = document.createElement("li");
  item.textContent = `${name}, ${title}`;
  list.append(item);
}

function pause(): void {
  list.lastElementChild?.classList.add("cut");
  status.textContent = `Cut behind event ${String(shown)}. Pronto goes on meanwhile.`;
  cut.textContent = "Resume";
}

function finish(outcome: string | undefined, delivered = 0n): void {
  status.textContent = `${outcome ?? ""}: ${String(delivered)} people`;
  cut.disabled = true;
}

function complain(error: unknown): void {
  const violations = error instanceof ProntoError ? error.fieldViolations : [];
  const words = violations.map(({ field, description }) => `${field} ${description}`);
  status.textContent = words.join("; ") || String(error);
}

function element<T extends Element>(selector: string, type: abstract new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
  return found;
}

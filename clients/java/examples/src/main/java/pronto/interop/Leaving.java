// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.CancelJobRequest;
import pronto.v1.ErrorReason;
import pronto.v1.GetJobRequest;
import pronto.v1.JobEvent;
import pronto.v1.JobState;

/** A caller that leaves a stream does not end its job. */
final class Leaving {
  private static final Set<JobState> STOPPED =
      EnumSet.of(JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED);

  private Leaving() {}

  static void deadline(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      Iterator<JobEvent> stream =
          pronto
              .leads()
              .withDeadlineAfter(5, TimeUnit.SECONDS)
              .searchLeads(Requests.engineers(1000));
      JobEvent started = stream.next();
      Check.that(started.hasStarted(), "the first event is " + started);
      ProntoException error = Check.refused(() -> stream.forEachRemaining(event -> {}));
      Check.equal(Status.Code.DEADLINE_EXCEEDED, error.code(), "code");
      goesOn(pronto, started.getJobId());
    }
  }

  static void cancellation(String[] arguments) throws IOException {
    try (Pronto pronto = Environment.plaintext().connect();
        Context.CancellableContext context = Context.current().withCancellation()) {
      context.run(() -> cancelAfterFirstLead(pronto, context));
      stay();
    }
  }

  /** The caller looks at the server meanwhile: closing the client would end the stream, too. */
  private static void stay() throws IOException {
    System.out.println("cancelled");
    System.in.transferTo(OutputStream.nullOutputStream());
  }

  private static void cancelAfterFirstLead(Pronto pronto, Context.CancellableContext context) {
    Iterator<JobEvent> stream = pronto.leads().searchLeads(Requests.engineers(1000));
    JobEvent event = stream.next();
    while (!event.hasLead()) {
      event = stream.next();
    }
    context.cancel(null);
    ProntoException error = Check.refused(() -> stream.forEachRemaining(later -> {}));
    Check.equal(Status.Code.CANCELLED, error.code(), "code");
    String job = event.getJobId();
    Context.ROOT.run(() -> goesOn(pronto, job));
  }

  /** The job was not touched; then it is cancelled, so that it does not stay. */
  private static void goesOn(Pronto pronto, String job) {
    JobState state =
        pronto.jobs().getJob(GetJobRequest.newBuilder().setJobId(job).build()).getJob().getState();
    Check.that(!STOPPED.contains(state), "the job is " + state);
    try {
      pronto.jobs().cancelJob(CancelJobRequest.newBuilder().setJobId(job).build());
    } catch (StatusRuntimeException e) {
      // It may have ended by itself.
      Check.equal(
          ErrorReason.ERROR_REASON_JOB_FINISHED, ProntoException.of(e).reason(), "CancelJob");
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package pronto;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import pronto.v1.Job;
import pronto.v1.JobCompleted;
import pronto.v1.JobCounts;
import pronto.v1.JobEvent;
import pronto.v1.JobOutcome;
import pronto.v1.JobProgress;
import pronto.v1.JobState;
import pronto.v1.LeadResult;

/** What servers say in tests. */
final class Fixtures {
  static final String JOB = "0199-job";

  private Fixtures() {}

  static JobEvent lead(long sequence) {
    return JobEvent.newBuilder()
        .setJobId(JOB)
        .setSequence(sequence)
        .setLead(LeadResult.getDefaultInstance())
        .build();
  }

  static JobEvent progress() {
    return JobEvent.newBuilder()
        .setJobId(JOB)
        .setProgress(JobProgress.getDefaultInstance())
        .build();
  }

  static JobEvent completed(long sequence) {
    return JobEvent.newBuilder()
        .setJobId(JOB)
        .setSequence(sequence)
        .setCompleted(
            JobCompleted.newBuilder()
                .setOutcome(JobOutcome.JOB_OUTCOME_COMPLETE)
                .addMissingIndexes(7))
        .build();
  }

  /** A job that has so many events, and misses two results. */
  static Job job(JobState state, long last) {
    return Job.newBuilder()
        .setId(JOB)
        .setState(state)
        .setLastSequence(last)
        .setCounts(JobCounts.newBuilder().setDelivered(5))
        .addAllMissingIndexes(List.of(0, 4))
        .build();
  }

  /** A stream of events that ends well. */
  static Consumer<StreamObserver<JobEvent>> whole(JobEvent... events) {
    return part(events).andThen(StreamObserver::onCompleted);
  }

  /** A stream of events that stays open. */
  static Consumer<StreamObserver<JobEvent>> part(JobEvent... events) {
    return stream -> {
      for (JobEvent event : events) {
        stream.onNext(event);
      }
    };
  }

  /** A stream of events that breaks. */
  static Consumer<StreamObserver<JobEvent>> broken(Throwable error, JobEvent... events) {
    return part(events).andThen(stream -> stream.onError(error));
  }

  /** An error of the server with a reason, or without when it is empty. */
  static StatusRuntimeException error(Status.Code code, String reason, Message... details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("it says why");
    if (!reason.isEmpty()) {
      status.addDetails(
          Any.pack(
              ErrorInfo.newBuilder()
                  .setDomain("pronto.v1")
                  .setReason(reason)
                  .putMetadata("job_id", JOB)
                  .build()));
    }
    for (Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  static RetryInfo retryAfter(Duration time) {
    return RetryInfo.newBuilder()
        .setRetryDelay(
            com.google.protobuf.Duration.newBuilder()
                .setSeconds(time.toSeconds())
                .setNanos(time.getNano()))
        .build();
  }
}

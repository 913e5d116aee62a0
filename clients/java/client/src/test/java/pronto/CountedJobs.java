// SPDX-License-Identifier: Apache-2.0
package pronto;

import static pronto.Fixtures.completed;
import static pronto.Fixtures.lead;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.JobEvent;
import pronto.v1.JobServiceGrpc;
import pronto.v1.JobState;
import pronto.v1.WatchJobRequest;

/** Jobs that have ended, each with as many events as its id says. */
final class CountedJobs extends JobServiceGrpc.JobServiceImplBase {
  private final long portion;

  /** Streams break behind so many events. */
  CountedJobs(long portion) {
    this.portion = portion;
  }

  /** The job of so many events. */
  static String id(long events) {
    return Long.toString(events);
  }

  @Override
  public void watchJob(WatchJobRequest request, StreamObserver<JobEvent> stream) {
    var call = (ServerCallStreamObserver<JobEvent>) stream;
    call.setOnReadyHandler(new Portion(call, request));
  }

  @Override
  public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
    long events = Long.parseLong(request.getJobId());
    answer.onNext(
        GetJobResponse.newBuilder()
            .setJob(Fixtures.job(JobState.JOB_STATE_COMPLETED, events))
            .build());
    answer.onCompleted();
  }

  /** What one stream brings, as fast as it is taken. */
  private final class Portion implements Runnable {
    private final ServerCallStreamObserver<JobEvent> call;
    private final long events;
    private long sent;
    private long left;
    private boolean over;

    Portion(ServerCallStreamObserver<JobEvent> call, WatchJobRequest request) {
      this.call = call;
      events = Long.parseLong(request.getJobId());
      sent = request.getAfterSequence();
      left = Math.min(portion, events - sent);
    }

    @Override
    public void run() {
      while (left > 0 && call.isReady()) {
        sent++;
        left--;
        call.onNext(sent < events ? lead(sent) : completed(sent));
      }
      if (left == 0 && !over) {
        over = true;
        end();
      }
    }

    private void end() {
      if (sent < events) {
        call.onError(Status.UNAVAILABLE.asException());
      } else {
        call.onCompleted();
      }
    }
  }
}

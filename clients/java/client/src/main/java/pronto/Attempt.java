// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.JobEvent;
import pronto.v1.JobServiceGrpc;
import pronto.v1.WatchJobRequest;

/** One stream of a {@link Following}, and the question whether its end was the job's. */
final class Attempt extends ClientCall.Listener<JobEvent> {
  private final Following owner;
  private final Connection connection;
  private final Channel channel;
  private final String jobId;
  private final long after;
  private ClientCall<?, ?> call;
  private long asked;
  private boolean open;
  private long opened;
  private boolean spoke;
  private long lastSign;

  /** With the headers of the one who follows. */
  Attempt(Following owner, Connection connection, Metadata headers, String jobId, long after) {
    this.owner = owner;
    this.connection = connection;
    this.channel =
        ClientInterceptors.intercept(
            connection.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
    this.jobId = jobId;
    this.after = after;
  }

  /** What it runs over. */
  Connection connection() {
    return connection;
  }

  void start(Context context) {
    WatchJobRequest request =
        WatchJobRequest.newBuilder().setJobId(jobId).setAfterSequence(after).build();
    context.run(
        () -> {
          ClientCall<WatchJobRequest, JobEvent> watch =
              channel.newCall(JobServiceGrpc.getWatchJobMethod(), CallOptions.DEFAULT);
          call = watch;
          watch.start(this, new Metadata());
          watch.sendMessage(request);
          watch.halfClose();
        });
  }

  /** Asks for as many messages as are waited for, but not for many at once. */
  void topUp(long demand) {
    int more = (int) (Math.min(demand, Following.WINDOW) - asked);
    if (more > 0) {
      asked += more;
      call.request(more);
    }
  }

  /** Asks whether the job has ended: its stream has, and nothing said how. */
  void confirm(Context context, Duration limit) {
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(Engine.nanos(limit), TimeUnit.NANOSECONDS);
    GetJobRequest request = GetJobRequest.newBuilder().setJobId(jobId).build();
    context.run(
        () -> {
          ClientCall<GetJobRequest, GetJobResponse> get =
              channel.newCall(JobServiceGrpc.getGetJobMethod(), options);
          call = get;
          ClientCalls.asyncUnaryCall(get, request, new Confirmation());
        });
  }

  void cancel(String why) {
    // There is none where an interceptor of the caller's threw instead of making it.
    if (call != null) {
      call.cancel(why, null);
    }
  }

  /** The server took the call. */
  void opened(long now) {
    open = true;
    opened = now;
    lastSign = now;
  }

  /** Whether the server took the call, and has not ended it. */
  boolean isOpen() {
    return open;
  }

  /** A message came. */
  void heard(long now) {
    spoke = true;
    lastSign = now;
  }

  /** The stream is over. True when it was well for long enough. */
  boolean ended(long now) {
    boolean well = open && spoke && now - opened >= Patience.HEALTHY.toNanos();
    open = false;
    return well;
  }

  /** How long it is since the last message, or since the opening where none came. */
  long silence(long now) {
    return now - lastSign;
  }

  /** The stream is given up, as one that ended with its last message: then its silence began. */
  boolean abandoned() {
    return ended(lastSign);
  }

  @Override
  public void onHeaders(Metadata headers) {
    owner.execute(() -> owner.opened(this));
  }

  @Override
  public void onMessage(JobEvent event) {
    owner.execute(
        () -> {
          asked--;
          owner.received(this, event);
        });
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    ProntoException error =
        status.isOk() ? null : ProntoException.of(status.asRuntimeException(trailers));
    owner.execute(() -> owner.closed(this, status, error));
  }

  private final class Confirmation implements StreamObserver<GetJobResponse> {
    @Override
    public void onNext(GetJobResponse answer) {
      owner.execute(() -> owner.confirmed(Attempt.this, answer.getJob()));
    }

    @Override
    public void onError(Throwable error) {
      owner.execute(() -> owner.failed(Attempt.this, ProntoException.of(error)));
    }

    @Override
    public void onCompleted() {
      // The answer said everything.
    }
  }
}

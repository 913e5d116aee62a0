// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.BindableService;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.function.Consumer;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.Job;
import pronto.v1.JobEvent;
import pronto.v1.JobServiceGrpc;
import pronto.v1.WatchJobRequest;

/** A server in this process that answers on the test's thread, as it was told. */
final class FakeServer implements AutoCloseable {
  private final String name = UUID.randomUUID().toString();
  private final Server server;

  FakeServer(BindableService service, ServerInterceptor... interceptors) throws IOException {
    server =
        InProcessServerBuilder.forName(name)
            .directExecutor()
            .addService(ServerInterceptors.intercept(service, interceptors))
            .build()
            .start();
  }

  InProcessChannelBuilder builder() {
    return InProcessChannelBuilder.forName(name).directExecutor();
  }

  /** A channel without gRPC's own retries, which would wait in real time. */
  ManagedChannel channel() {
    return builder().disableRetry().build();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  /** Sends headers before there is an answer, as servers of streams do. */
  static final class Opening implements ServerInterceptor {
    boolean on;
    private ServerCall<?, ?> waiting;

    /** Sends those of the last call, which was not opened when it came. */
    void open() {
      waiting.sendHeaders(new Metadata());
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      if (!on) {
        waiting = call;
        return next.startCall(call, headers);
      }
      call.sendHeaders(new Metadata());
      var opened =
          new SimpleForwardingServerCall<>(call) {
            @Override
            public void sendHeaders(Metadata late) {
              // They were sent.
            }
          };
      return next.startCall(opened, headers);
    }
  }

  /** Streams of a job, each scripted; one without a script stays open and silent. */
  static final class Jobs extends JobServiceGrpc.JobServiceImplBase {
    final List<WatchJobRequest> watched = new ArrayList<>();
    final Queue<Consumer<StreamObserver<JobEvent>>> scripts = new ArrayDeque<>();
    final Queue<Job> states = new ArrayDeque<>();
    StreamObserver<JobEvent> open;
    int cancelled;
    boolean unavailable;

    Jobs then(Consumer<StreamObserver<JobEvent>> script) {
      scripts.add(script);
      return this;
    }

    List<Long> after() {
      return watched.stream().map(WatchJobRequest::getAfterSequence).toList();
    }

    @Override
    public void watchJob(WatchJobRequest request, StreamObserver<JobEvent> stream) {
      watched.add(request);
      open = stream;
      ((ServerCallStreamObserver<JobEvent>) stream).setOnCancelHandler(() -> cancelled++);
      if (!scripts.isEmpty()) {
        scripts.remove().accept(stream);
      }
    }

    @Override
    public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
      if (unavailable) {
        answer.onError(Status.UNAVAILABLE.asException());
        return;
      }
      if (states.isEmpty()) {
        answer.onError(Status.NOT_FOUND.asException());
        return;
      }
      answer.onNext(GetJobResponse.newBuilder().setJob(states.remove()).build());
      answer.onCompleted();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Context;
import io.grpc.ForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;

/**
 * A stream that takes a place on a lane when it starts, since one that is made may never do so, and
 * gives it back with its end.
 */
final class StreamCall<Q, A> extends ForwardingClientCall<Q, A> {
  private final Lanes lanes;
  private final MethodDescriptor<Q, A> method;
  private final CallOptions options;
  // Its deadline and its cancellation are those of the call, wherever that is started.
  private final Context context = Context.current();
  // At first one that is never started; once the client is closed, one that is told so.
  private volatile ClientCall<Q, A> call;
  // It was started or cancelled: gRPC refuses to start it again.
  private boolean settled;

  StreamCall(Connection calls, Lanes lanes, MethodDescriptor<Q, A> method, CallOptions options) {
    this.lanes = lanes;
    this.method = method;
    this.options = options;
    this.call = calls.base().newCall(method, options);
  }

  @Override
  protected ClientCall<Q, A> delegate() {
    return call;
  }

  @Override
  public void start(Listener<A> listener, Metadata headers) {
    Lanes.Place place = move();
    call.start(place == null ? listener : new Told<>(listener, place), headers);
  }

  /** Takes a place; none where gRPC refuses to start it, and where the client is closed. */
  private synchronized Lanes.Place move() {
    Lanes.Place place = settled ? null : lanes.place().orElse(null);
    settled = true;
    if (place != null) {
      CallOptions traced = options.withStreamTracerFactory(new Leaving(place));
      context.run(() -> call = place.connection().base().newCall(method, traced));
    }
    return place;
  }

  @Override
  public void cancel(String message, Throwable cause) {
    meant().cancel(message, cause);
  }

  // Not cancelled under the lock: what is told of it may take locks of the caller's.
  private synchronized ClientCall<Q, A> meant() {
    settled = true;
    return call;
  }

  /** Gives the place back at the end. */
  private static final class Told<A> extends SimpleForwardingClientCallListener<A> {
    private final Lanes.Place place;

    Told(Listener<A> listener, Lanes.Place place) {
      super(listener);
      this.place = place;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      place.giveBack();
      super.onClose(status, trailers);
    }
  }

  /**
   * Gives the place back when this side ends the stream. A caller who waits on its own executor, as
   * stubs of gRPC's second blocking kind do, may never look at the end.
   */
  private static final class Leaving extends ClientStreamTracer.Factory {
    private final Lanes.Place place;

    Leaving(Lanes.Place place) {
      this.place = place;
    }

    @Override
    public ClientStreamTracer newClientStreamTracer(
        ClientStreamTracer.StreamInfo info, Metadata headers) {
      return new ClientStreamTracer() {
        @Override
        public void streamClosed(Status status) {
          // Behind other codes gRPC may send once more what the server has not taken.
          if (status.getCode() == Status.Code.CANCELLED
              || status.getCode() == Status.Code.DEADLINE_EXCEEDED) {
            place.giveBack();
          }
        }
      };
    }
  }
}

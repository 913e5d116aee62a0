// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;

/**
 * The end of a client, as its calls are told. gRPC says UNAVAILABLE when its channel is shut down,
 * which sounds as if another attempt could help.
 */
final class Closing implements ClientInterceptor {
  static final String WHY = "the client is closed";

  private volatile boolean begun;

  /** From now on calls end because of it. */
  void begin() {
    begun = true;
  }

  /** What ends because the client does. The cause is what failed before, or null. */
  static Status status(Throwable cause) {
    return Status.CANCELLED.withDescription(WHY).withCause(cause);
  }

  /** Whether a status is that of a client that is closed. */
  static boolean says(Status status) {
    return status.getCode() == Status.Code.CANCELLED && WHY.equals(status.getDescription());
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
      @Override
      public void start(Listener<A> listener, Metadata headers) {
        super.start(new Told<>(listener), headers);
      }
    };
  }

  private final class Told<A> extends SimpleForwardingClientCallListener<A> {
    Told(ClientCall.Listener<A> listener) {
      super(listener);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (begun && status.getCode() == Status.Code.UNAVAILABLE) {
        super.onClose(Closing.status(status.asRuntimeException(trailers)), new Metadata());
      } else {
        super.onClose(status, trailers);
      }
    }
  }
}

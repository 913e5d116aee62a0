// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;

/**
 * Where the stubs call, below the interceptors of all calls: an interceptor that makes a call twice
 * takes two places. Streams go over the lanes, calls over a connection that is theirs.
 */
final class Route extends Channel {
  private final Connection calls;
  private final Lanes lanes;

  Route(Connection calls, Lanes lanes) {
    this.calls = calls;
    this.lanes = lanes;
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    return method.getType() == MethodDescriptor.MethodType.UNARY
        ? calls.base().newCall(method, options)
        : new StreamCall<>(calls, lanes, method, options);
  }

  @Override
  public String authority() {
    return calls.base().authority();
  }
}

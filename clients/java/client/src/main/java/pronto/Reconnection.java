// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;

/**
 * Connects for a call, instead of failing it while the channel pauses after a failure: that would
 * go on for up to two minutes after the server is back. Throttled, so that many calls do not storm
 * a server that is down.
 */
record Reconnection(ManagedChannel channel, Throttle throttle) implements ClientInterceptor {
  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE && throttle.pass()) {
      // Not resetConnectBackoff: behind that, calls fail with the old error until it connected.
      channel.enterIdle();
    }
    return next.newCall(method, options);
  }
}

// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import java.util.List;

/**
 * One connection to the server.
 *
 * @param managed opens and closes it
 * @param base what is its own: how it comes back, and how its end is told
 * @param channel where calls are made: with the interceptors of all calls
 */
record Connection(ManagedChannel managed, Channel base, Channel channel) {
  /** The last interceptor is the outermost. */
  static Connection of(
      ManagedChannel managed, Engine engine, Closing closing, List<ClientInterceptor> outer) {
    Channel base =
        ClientInterceptors.intercept(
            managed, List.of(closing, new Reconnection(managed, new Throttle(engine.clock()))));
    return new Connection(managed, base, ClientInterceptors.intercept(base, outer));
  }
}

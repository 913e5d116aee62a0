// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * One connection to the server.
 *
 * @param managed opens and closes it
 * @param channel where calls are made
 */
record Connection(ManagedChannel managed, Channel channel) {
  /** The last interceptor is the outermost. */
  static Connection of(
      ManagedChannel managed, Engine engine, Closing closing, List<ClientInterceptor> outer) {
    List<ClientInterceptor> all = new ArrayList<>();
    all.add(closing);
    all.add(new Reconnection(managed, new Throttle(engine.clock())));
    all.addAll(outer);
    return new Connection(managed, ClientInterceptors.intercept(managed, all));
  }
}

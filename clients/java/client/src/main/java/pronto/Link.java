// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.ManagedChannel;

/** The connections below a channel, as far as whoever follows has a say in them. */
interface Link {
  /** Tries to connect now, instead of after the channel's own pause of up to two minutes. */
  void retry();

  /** Gives later calls another connection; calls under way keep theirs. */
  void renew();

  static Link of(ManagedChannel channel) {
    return new Link() {
      @Override
      public void retry() {
        channel.resetConnectBackoff();
      }

      @Override
      public void renew() {
        channel.enterIdle();
      }
    };
  }
}

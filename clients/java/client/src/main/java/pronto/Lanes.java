// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The connections over which jobs are followed. They are not those of calls, which would wait
 * without end once the streams that a server allows on a connection are all followings.
 */
final class Lanes implements AutoCloseable {
  /** How many share a connection; servers allow 256 streams by default, proxies often 100. */
  static final int SHARES = 100;

  private final Supplier<Connection> connect;
  private final List<Lane> lanes = new ArrayList<>();
  private boolean closed;

  Lanes(Supplier<Connection> connect) {
    this.connect = connect;
  }

  /** A share of a connection, to be given back. */
  synchronized Lane take() {
    if (closed) {
      throw new IllegalStateException(Closing.WHY);
    }
    Lane lane =
        lanes.stream().filter(candidate -> candidate.shares < SHARES).findFirst().orElse(null);
    if (lane == null) {
      lane = new Lane();
      lanes.add(lane);
    }
    lane.shares++;
    return lane;
  }

  /** How many connections there are. */
  synchronized int size() {
    return lanes.size();
  }

  @Override
  public synchronized void close() {
    closed = true;
    lanes.forEach(lane -> lane.connection.managed().shutdownNow());
  }

  /** The place of a connection: when that falls silent, there is another one in it. */
  final class Lane {
    private Connection connection = connect.get();
    private int shares;

    /** The connection for the next stream. */
    Connection connection() {
      synchronized (Lanes.this) {
        return connection;
      }
    }

    /** Replaces a connection, unless another one that was on it has done so. */
    void leave(Connection silent) {
      synchronized (Lanes.this) {
        if (closed || connection != silent) {
          return;
        }
        connection = connect.get();
      }
      // Streams on it that are well go on.
      silent.managed().shutdown();
    }

    /** Gives a share back. One connection is kept for those who come next. */
    void giveBack() {
      ManagedChannel unused;
      synchronized (Lanes.this) {
        shares--;
        if (shares > 0 || lanes.size() == 1) {
          return;
        }
        lanes.remove(this);
        unused = connection.managed();
      }
      unused.shutdown();
    }
  }
}

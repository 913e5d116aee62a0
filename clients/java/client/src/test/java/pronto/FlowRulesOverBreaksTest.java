// SPDX-License-Identifier: Apache-2.0
package pronto;

/** The same rules, while the streams below break again and again. */
public final class FlowRulesOverBreaksTest extends FlowRulesTest {
  /** Two events for each stream: some are requested together, and some breaks come between. */
  public FlowRulesOverBreaksTest() {
    super(2);
  }
}

/// How one simulation runs.
package struct SimulationSettings: Hashable, Sendable {
  /// Everything random follows from it.
  package var seed: UInt64
  /// How many steps it has.
  package var steps: Int
  /// What is wrong on purpose.
  package var sabotage: Sabotage?
  /// Whether queue entries get units in extension files.
  package var extendsQueues: Bool
  /// Whether topics are removed, and the files of all queues now and then, so that they are built anew from the log.
  package var deletesTopics: Bool

  /// Describes a simulation.
  package init(
    seed: UInt64, steps: Int = 600, sabotage: Sabotage? = nil, extendsQueues: Bool = false, deletesTopics: Bool = true
  ) {
    self.seed = seed
    self.steps = steps
    self.sabotage = sabotage
    self.extendsQueues = extendsQueues
    self.deletesTopics = deletesTopics
  }
}

import ApusCommandLine
import ApusSystem

/// `apus store`: looks into a store that no broker has open, and puts it in order.
enum StoreCommand {
  /// What can be done with a store.
  enum Action: String, CaseIterable {
    case check, repair, dump, pending

    /// What it does to the store's files. A repair, and the list of what waits, start the store as a broker does, which
    /// writes.
    func access(_ arguments: Arguments) -> PosixDisk.Access {
      switch self {
      case .check, .dump: .reading
      case .repair: arguments.has("yes") ? .writing : .reading
      case .pending: .writing
      }
    }
  }

  /// Does what the command line asks for.
  static func run(_ arguments: Arguments) throws(CommandFailure) {
    guard let word = arguments.operands.first, let action = Action(rawValue: word) else {
      let actions = Action.allCases.map(\.rawValue).joined(separator: ", ")
      throw arguments.failure("say what to do with the store: \(actions)")
    }
    guard arguments.operands.count > 1 else { throw arguments.failure("say where the store is: \(word) DIR") }
    guard action == .dump || arguments.operands.count == 2 else {
      throw arguments.failure("unexpected '\(arguments.operands[2])'")
    }
    let store = try ClosedStore(at: arguments.operands[1], action.access(arguments), arguments)
    switch action {
    case .check: try StoreCheckCommand.run(store, arguments)
    case .repair: try StoreRepairCommand.run(store, arguments)
    case .dump: try StoreDumpCommand.run(store, arguments)
    case .pending: try StorePendingCommand.run(store, arguments)
    }
  }
}

import ApusBase
import ApusFuzz
import ApusSimulator
import ApusSystem

/// The command line of `apus-fuzz`.
struct FuzzTool {
  private static let usage = """
    usage: apus-fuzz list                      names the targets
           apus-fuzz smoke [options]           a short run of every target, each in a process of its own
           apus-fuzz run TARGET [options]      a run of one target in this process
           apus-fuzz replay TARGET FILE...     gives a target these inputs
           apus-fuzz record SEED STEPS FILE    writes the store that a simulation leaves, as an input of recovery
    options: --seed N      which mutations are made (1)
             --runs N      how many, in percent of a short run (100)
             --corpus DIR  where the directories of inputs are (Fixtures/fuzz)
             --found DIR   where an input that breaks something is written (.)
             --keep        writes every input before it is given, so that one that traps is there afterwards
    Exit status: 0 nothing found, 1 something found, 2 wrong usage.

    """

  private let arguments: [String]
  private var options = Options()

  /// What the options say.
  private struct Options {
    var seed: UInt64 = 1
    var percent = 100
    var corpus = "Fixtures/fuzz"
    var found = "."
    var keeps = false
  }

  /// Takes the arguments without the program's name.
  init(_ arguments: [String]) { self.arguments = arguments }

  /// Does what they ask for and returns the exit status.
  func run() -> Int32 {
    var tool = self
    switch (arguments.first, arguments.count) {
    case ("list", 1):
      say(FuzzTarget.all.map(\.name).joined(separator: "\n"))
      return 0
    case ("smoke", _) where tool.take(arguments[1...]): return tool.smoke()
    case ("run", 2...) where tool.take(arguments[2...]): return withTarget(tool.runTarget)
    case ("replay", 3...): return withTarget(replay)
    case ("record", 4): return record()
    default:
      ProcessIO.write(Self.usage, to: .standardError)
      return 2
    }
  }

  private mutating func take(_ arguments: ArraySlice<String>) -> Bool {
    var rest = arguments
    while let option = rest.popFirst() {
      if option == "--keep" {
        options.keeps = true
        continue
      }
      guard let value = rest.popFirst() else { return false }
      switch option {
      case "--corpus": options.corpus = value
      case "--found": options.found = value
      case "--seed":
        guard let seed = UInt64(value) else { return false }
        options.seed = seed
      case "--runs":
        guard let percent = Int(value), (0...1_000_000).contains(percent) else { return false }
        options.percent = percent
      default: return false
      }
    }
    return true
  }

  private func withTarget(_ body: (FuzzTarget) -> Int32) -> Int32 {
    if let target = FuzzTarget.named(arguments[1]) { return body(target) }
    ProcessIO.write("there is no target \(arguments[1])\n", to: .standardError)
    return 2
  }

  private func say(_ line: String) { ProcessIO.write(line + "\n", to: .standardOutput) }

  // MARK: Commands

  /// Runs every target in a process of its own, as a trap ends it. A target that does not end is ended by its limit of
  /// processor time.
  private func smoke() -> Int32 {
    var failed: [String] = []
    for target in FuzzTarget.all {
      var command = ["run", target.name, "--seed", "\(options.seed)", "--runs", "\(options.percent)"]
      command += ["--corpus", options.corpus, "--found", options.found]
      var end = ChildProcess.run(command)
      if case .signal = end, !target.isCanary {
        // The same run once more, now with its inputs written down: the last one is left.
        end = ChildProcess.run(command + ["--keep"])
      }
      switch end {
      case .status(0) where !target.isCanary: break
      case .signal where target.isCanary: say("canary: found, as it should be")
      case .status(0): failed.append("\(target.name) was not found, though its bug is there on purpose")
      case .status: failed.append(target.name)
      case .signal(let number):
        failed.append("\(target.name) ended by signal \(number); the input is \(path(ofFound: target))")
      case .notStarted(let reason): failed.append("\(target.name) could not be started: \(reason)")
      }
    }
    for line in failed { say("FAILED: \(line)") }
    return failed.isEmpty ? 0 : 1
  }

  private func path(ofFound target: FuzzTarget) -> String { "\(options.found)/found-\(target.name)" }

  private func runTarget(_ target: FuzzTarget) -> Int32 {
    ChildProcess.limitResources(quietly: target.isCanary)
    let files = InputFiles()
    do throws(DiskError) {
      let corpus = try files.inputs(in: options.corpus + "/" + target.name)
      let run = FuzzRun(target, corpus: corpus, seed: options.seed)
      let outcome = run.run(target.shortRuns * options.percent / 100) { input in
        if options.keeps { files.keep(input, at: path(ofFound: target)) }
      }
      let kept = "\(outcome.executions) inputs, \(corpus.count) of them kept ones"
      say("\(target.name): \(kept), in \(ChildProcess.processorMilliseconds) ms of processor time")
      guard let (input, finding) = outcome.finding else { return 0 }
      files.keep(input, at: path(ofFound: target))
      say("FOUND by \(target.name): \(finding)\nThe input is \(path(ofFound: target)).")
    } catch {
      say("\(error)")
    }
    return 1
  }

  private func replay(_ target: FuzzTarget) -> Int32 {
    var status: Int32 = 0
    for path in arguments[2...] {
      do {
        try target.check(try ProcessIO.contents(of: path))
        say("\(path): nothing found")
      } catch {
        say("\(path): \(error)")
        status = 1
      }
    }
    return status
  }

  private func record() -> Int32 {
    guard let seed = UInt64(arguments[1]), let steps = Int(arguments[2]), steps > 0 else { return 2 }
    let simulation = Simulation(SimulationSettings(seed: seed, steps: steps))
    do throws(SimulationFailure) {
      _ = try simulation.run()
    } catch {
      say("\(error)")
      return 1
    }
    InputFiles().keep(StoreArchive(simulation.remains).bytes, at: arguments[3])
    return 0
  }
}

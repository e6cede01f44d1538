//! Why something of the network is not known.

use super::reasons;

reasons! {
    /// Why something of the network is not known.
    Network {
        /// Nobody could be met, as nobody told where to go.
        NoResolver
            en "no resolver gave an answer to any question"
            fr "aucun résolveur n’a répondu à aucune question";
    }
}

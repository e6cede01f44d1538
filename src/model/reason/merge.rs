//! Why what several snapshots tell is not known of all.

use super::reasons;

reasons! {
    /// Why what several snapshots tell is not known of all.
    Merge {
        /// A snapshot was taken from, and does not tell.
        NotTold { file: String, table: String, scope: String }
            en "{file} does not tell of {table} of {scope}"
            fr "{file} ne dit rien de {table} pour {scope}";
        /// Nobody collected on a server.
        NoSnapshot { server: String }
            en "no snapshot of server {server} was given"
            fr "aucun relevé du serveur {server} n’a été donné";
        /// Nobody is known to have collected on a server.
        NoSnapshotPlaced { server: String, files: Vec<String> }
            en "no snapshot of server {server} was given; on which server {files} was collected could not be told"
            fr "aucun relevé du serveur {server} n’a été donné ; impossible de dire sur quel serveur {files} a été fait";
        /// Two snapshots know all of a table, and not the same.
        Dispute { one: String, one_at: String, other: String, other_at: String }
            en "{one} (collected {one_at}) and {other} (collected {other_at}) tell it differently: collect again on both servers"
            fr "{one} (fait à {one_at}) et {other} (fait à {other_at}) ne disent pas la même chose : refaites le relevé sur les deux serveurs";
        /// What ssh, or the program there, said last.
        NotCollected { server: String, address: String, said: String }
            en "server {server} could not be collected from through ssh ({address}): {said}"
            fr "le relevé du serveur {server} par ssh ({address}) a échoué : {said}";
        /// What the directory has of it ssh must not be given.
        NoAddress { server: String }
            en "the directory has no address of server {server} that could be given to ssh"
            fr "l’annuaire n’a pas d’adresse du serveur {server} que ssh puisse recevoir";
        /// The facts came, and are not of this installation at this time.
        Misfit { server: String, error: String }
            en "what was collected on server {server} does not fit the rest: {error}"
            fr "le relevé du serveur {server} ne s’accorde pas avec le reste : {error}";
    }
}
